/** `sessionmesh secret`: one that is hard to guess. */

import { parseArgs } from 'node:util'
import { newSecret } from '../secret.js'
import { type Command, parsed, WELL } from './command.js'

export const secret: Command = {
  args: '',
  summary: 'prints a new secret for a cluster, 256 random bits',
  help: `sessionmesh secret

  Prints a new secret, of 256 random bits, for SESSIONMESH_SECRET or the option \`secret\`: the same on all servers of a cluster,
  and known to nobody else.

  To replace a secret while the cluster runs, roll each of these out to all servers before the next:
    SESSIONMESH_SECRET=OLD,NEW    the new one is accepted
    SESSIONMESH_SECRET=NEW,OLD    the new one is used
    SESSIONMESH_SECRET=NEW        the old one is refused
`,
  async run(args, { stdout }) {
    parsed(() => parseArgs({ args: [...args], options: {} }))
    stdout.write(`${newSecret()}\n`)
    return WELL
  },
}
