/** What others keep their sessions in, behind the same app: for benches, beside a cluster. */

import type { Store } from 'express-session'
import expressSession from 'express-session'
import type { StoreSettings } from './member-protocol.js'

/** As each one's own documentation sets it up. `undefined`: express-session takes its MemoryStore. */
export async function memberStore(settings: StoreSettings | undefined): Promise<Store | undefined> {
  switch (settings?.kind) {
    case undefined:
      return undefined
    case 'memorystore':
      return newMemorystore()
    case 'connect-redis': {
      const [{ createClient }, { RedisStore }] = await Promise.all([import('redis'), import('connect-redis')])
      const client = createClient({ url: `redis://127.0.0.1:${settings.port}` })
      client.on('error', (error) => console.error(error))
      await client.connect()
      return new RedisStore({ client })
    }
  }
}

export async function newMemorystore(): Promise<Store> {
  const { default: memorystore } = await import('memorystore')
  return new (memorystore(expressSession))({ checkPeriod: 86_400_000 })
}
