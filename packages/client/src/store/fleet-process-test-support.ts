// One process of a fleet, for fleet.test.ts: it makes an identity with a shared store, and gets tokens when it is told to.
import { systemClock } from '../clock.ts'
import { AppIdentity } from '../identity/app-identity.ts'
import { fileStore } from './file-store.ts'
import { postgresStore } from './postgres-store.ts'
import { redisStore } from './redis-store.ts'
import { sharedStore } from './shared-store.ts'
import { REQUEST } from './store-test-support.ts'

/** What the process is to be. The key goes this way so that no list of processes shows it. */
export interface Orders {
  readonly store: 'file' | 'redis' | 'postgres'
  /** A folder or an address. */
  readonly place: string
  readonly prefix: string
  readonly key: string
  readonly authorityHost: string
  readonly ca: string
}

/** Told to a process: become that, let time pass, get a token of its own or that of all, or wait for the next one. */
export type Told =
  | { readonly become: Orders }
  | { readonly passMs: number }
  | 'own token'
  | 'token'
  | 'next token'

const SCOPE = REQUEST.scope

let identity: AppIdentity | undefined
let passedMs = 0
const warnings: string[] = []

function become({ store, place, prefix, key, authorityHost, ca }: Orders): void {
  const stores = {
    file: () => fileStore({ folder: place }),
    redis: () => redisStore({ url: place, prefix }),
    postgres: () => postgresStore({ connectionString: place }),
  }
  passedMs = 0
  identity = new AppIdentity({
    tenantId: 'contoso.example',
    clientId: 'daemon',
    credential: () => {},
    authorityHost,
    ca,
    clock: { ...systemClock, now: () => systemClock.now() + passedMs },
    // A machine with twenty processes on two cores answers late, and no process may ask for that reason alone.
    store: sharedStore({ store: stores[store](), keys: [key], timeoutMs: 30_000 }),
    onEvent: (event) => event.type === 'store_warning' && warnings.push(event.message),
  })
}

async function obey(told: Told): Promise<string> {
  if (told === 'own token')
    return (await identity?.getToken(`api://own-${process.pid}/.default`))?.token ?? ''
  if (told === 'token') return (await identity?.getToken(SCOPE))?.token ?? ''
  if (told === 'next token') return (await identity?.getToken(SCOPE, { forceRefresh: true }))?.token ?? ''
  if ('become' in told) become(told.become)
  else passedMs += told.passMs
  return ''
}

process.on('message', (told: Told) => {
  void obey(told).then(
    (token) => process.send?.({ token, warnings: warnings.splice(0) }),
    (error: unknown) => process.send?.({ token: String(error), warnings: warnings.splice(0) }),
  )
})
process.send?.('ready')
