import type { Guard } from '@tomte/guard'
import type { SignInLog } from './audit/sign-in-log.ts'
import type { Now } from './clock.ts'
import type { SigningKeys } from './discovery/signing-keys.ts'
import type { Throttle } from './graph/throttle.ts'
import type { Sessions } from './portal/sessions.ts'
import type { Database } from './store/database.ts'
import type { ReadCache } from './store/read-cache.ts'
import type { IssuerKeys } from './token/issuer-keys.ts'
import type { RequestLoops } from './token/loops.ts'
import type { UsedAssertions } from './token/used-assertions.ts'

/** What the routes stand on. */
export interface Services {
  readonly db: Database
  /** What token requests have read of the database. */
  readonly cache: ReadCache
  readonly keys: SigningKeys
  /** The keys of other identity providers, which federated credentials trust. */
  readonly issuers: IssuerKeys
  /** The assertions that may not be used again. */
  readonly assertions: UsedAssertions
  /** Clients that ask for the same token again and again, if they are looked for. */
  readonly loops: RequestLoops | undefined
  /** How long the next token lives where no policy says it, in seconds; without it all live an hour. */
  readonly lifetimeSeconds?: (() => number) | undefined
  readonly now: Now
  /** `https://localhost:<port>`, known once the port is. */
  readonly origin: () => string
  /** The origin as which the authority answers under a Host header: that name's own, if it is one of the real login hosts. */
  readonly originFor: (host: string | undefined) => string
  /** Every name under which the authority answers, as a Host header has it. */
  readonly hosts: () => readonly string[]
  /** Who may call the directory. */
  readonly guard: Pick<Guard, 'judge'>
  readonly sessions: Sessions
  readonly signIns: SignInLog
  /** Limits of the directory by resource units. */
  readonly throttle: Throttle
}
