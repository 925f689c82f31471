/** What a mount of the dashboard takes, checked. */

import type { IncomingMessage } from 'node:http'
import type { Cluster, Member, MemberState } from 'sessionmesh'
import { badOption, checkFlag, checkNames } from 'sessionmesh/adapter'

/** @typeParam Req what the framework makes of a request, as in `(req: express.Request) => req.session.user === 'admin'` */
export interface DashboardOptions<Req extends IncomingMessage = IncomingMessage> {
  /**
   * Who may see it: says true, or false or nothing; a promise of that is awaited. Called with each request, and a page that is
   * open asks anew once a minute. With it, it decides alone. Default: who asks from this very machine, directly. Behind a proxy
   * on the same machine everybody seems to: give `authorize` there.
   */
  authorize?: ((req: Req) => Allowed | Promise<Allowed>) | undefined
  /** Show ids and values of sessions. Who has an id may take over its session. Default false. */
  reveal?: boolean | undefined
  /**
   * Where it is mounted, as in `/mesh`, in frameworks that hand on the whole address. Default: what Express says, else the
   * root.
   */
  path?: string | undefined
  /** Buttons beside each member, by a name of letters, digits and dashes: `{ drain: { label: 'Drain', run: (member) => … } }`. */
  actions?: Readonly<Record<string, DashboardAction>> | undefined
}

type Allowed = boolean | undefined | null

export interface DashboardAction {
  readonly label: string
  /** Shown while the member is in one of these. Default `['alive', 'suspect']`. */
  readonly states?: readonly MemberState[] | undefined
  /** Called on the member that got the click, which may be another one than `member`. What it throws is shown. */
  run(member: Member): void | Promise<void>
}

export interface ResolvedOptions {
  readonly authorize: ((req: IncomingMessage) => Allowed | Promise<Allowed>) | undefined
  readonly reveal: boolean
  /** Without a slash at its end; `undefined` when the framework says. */
  readonly path: string | undefined
  readonly actions: ReadonlyMap<string, Required<DashboardAction>>
}

const STATES: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left']

/** @throws SessionMeshError `SESSIONMESH_BAD_OPTION` */
export function resolveOptions<Req extends IncomingMessage>(
  cluster: Cluster,
  options: DashboardOptions<Req>,
): ResolvedOptions {
  if (typeof cluster?.diagnostics?.report !== 'function')
    throw badOption('dashboard(cluster) takes what joinCluster() resolves with: await it first')
  if (typeof options !== 'object' || options === null)
    throw badOption('dashboard(cluster, options) takes its options as an object, as in { reveal: true }')
  checkNames(options, ['authorize', 'reveal', 'path', 'actions'], '', ' of dashboard()')
  const { authorize, reveal = false, path, actions = {} } = options
  checkFlag('reveal', reveal)
  if (authorize !== undefined && typeof authorize !== 'function')
    throw badOption('authorize must be a function of a request that says true or false')
  if (path !== undefined && (typeof path !== 'string' || !path.startsWith('/')))
    throw badOption(`path is ${JSON.stringify(path)}; give where the dashboard is mounted, as in '/mesh'`)
  if (typeof actions !== 'object' || actions === null)
    throw badOption("actions must be an object, as in { drain: { label: 'Drain', run: (member) => … } }")
  return {
    authorize: authorize as ResolvedOptions['authorize'],
    reveal,
    path: path?.replace(/\/+$/, ''),
    actions: new Map(Object.entries(actions).map(([name, action]) => [name, checkedAction(name, action)])),
  }
}

function checkedAction(name: string, action: DashboardAction): Required<DashboardAction> {
  if (!/^[\w-]+$/.test(name))
    throw badOption(`actions has ${JSON.stringify(name)}; name them by letters, digits and dashes`)
  const { label, states = ['alive', 'suspect'], run } = action ?? {}
  if (typeof label !== 'string' || typeof run !== 'function')
    throw badOption(`actions.${name} needs a label and a function run(member)`)
  checkNames(action, ['label', 'states', 'run'], `actions.${name}.`)
  const stray = Array.isArray(states) ? states.find((state) => !STATES.includes(state)) : states
  if (stray !== undefined)
    throw badOption(
      `actions.${name}.states has ${JSON.stringify(stray)}; it is a list of ${STATES.join(', ')}`,
    )
  return { label, states, run: (member) => action.run(member) }
}
