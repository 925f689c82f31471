/** Three Tomcats with DeltaManager, each in a folder of its own. */

import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onCleanUp } from '../../support/cleanup.js'
import { freePorts } from '../../support/ports.js'
import { installed } from '../../support/program.js'
import { until } from '../../support/wait.js'
import { total } from '../totals.js'
import { SERVERS, type Servers } from './contender.js'
import { ForeignProcess, whyNoForeign } from './foreign.js'
import { APP_WEB_XML, appJsp, CONF_WEB_XML, type Instance, type Mode, serverXml } from './tomcat-files.js'

const START_DEADLINE_MS = 120_000
/** Where Debian's package has it. */
const HOME = process.env.CATALINA_HOME ?? '/usr/share/tomcat10'

export const whyNoTomcat = whyNoForeign ?? missing()

function missing(): string | undefined {
  if (!existsSync(join(HOME, 'lib/catalina-ha.jar'))) return 'Tomcat 10 is not installed'
  return installed('java') === undefined ? 'Java is not installed' : undefined
}

export async function tomcatServers(mode: Mode): Promise<Servers> {
  const folder = await mkdtemp(join(tmpdir(), 'sessionmesh-tomcat-'))
  onCleanUp(() => rm(folder, { recursive: true }))
  const ports = await freePorts(2 * SERVERS)
  const instances = Array.from({ length: SERVERS }, (_, i): Instance => {
    const id = Array.from({ length: 16 }, (_, byte) => (byte === 15 ? i + 1 : 0))
    const [httpPort, clusterPort] = [ports[2 * i]!, ports[2 * i + 1]!]
    return { name: `tomcat${i}`, httpPort, clusterPort, uniqueId: `{${id}}` }
  })
  const servers = await Promise.all(instances.map((each) => start(folder, each, instances, mode)))
  const urls = instances.map(({ httpPort }) => `http://127.0.0.1:${httpPort}`)
  const isUp = ({ output }: ForeignProcess) => {
    const seen = output.match(/Replication member added/g)?.length ?? 0
    return output.includes('Server startup in') && seen >= SERVERS - 1
  }
  await until(
    'all Tomcats serve, and know each other',
    () => {
      for (const server of servers) server.mustRun()
      return servers.every(isUp)
    },
    { deadlineMs: START_DEADLINE_MS, dump: () => servers.map(({ output }) => output) },
  )
  const [, version = 'Tomcat'] = /\[Apache (Tomcat\/[\d.]+)/.exec(servers[0]!.output) ?? []
  const cpuMicros = () => total(servers.map((server) => server.cpuMicros()))
  return { urls, isSticky: false, version, cpuMicros }
}

async function start(folder: string, self: Instance, all: readonly Instance[], mode: Mode) {
  const base = join(folder, self.name)
  const files: Record<string, string> = {
    'conf/server.xml': serverXml(self, all, mode),
    'conf/web.xml': CONF_WEB_XML,
    'webapps/ROOT/WEB-INF/web.xml': APP_WEB_XML,
    'webapps/ROOT/app.jsp': appJsp(self),
  }
  for (const each of ['conf', 'logs', 'temp', 'work', 'webapps/ROOT/WEB-INF'])
    await mkdir(join(base, each), { recursive: true })
  for (const [path, content] of Object.entries(files)) await writeFile(join(base, path), content)
  return new ForeignProcess('sh', [join(HOME, 'bin/catalina.sh'), 'run'], {
    CATALINA_HOME: HOME,
    CATALINA_BASE: base,
    // Its figures for `jps` are files in the system's temporary folder.
    CATALINA_OPTS: '-Xmx512m -XX:-UsePerfData',
  })
}
