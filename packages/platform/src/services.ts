import type { Now } from './clock.ts'
import type { SigningKeys } from './discovery/signing-keys.ts'
import type { Sessions } from './portal/sessions.ts'
import type { Database } from './store/database.ts'
import type { IssuerKeys } from './token/issuer-keys.ts'

/** What the routes stand on. */
export interface Services {
  readonly db: Database
  readonly keys: SigningKeys
  /** The keys of other identity providers, which federated credentials trust. */
  readonly issuers: IssuerKeys
  readonly now: Now
  /** `https://localhost:<port>`, known once the port is. */
  readonly origin: () => string
  readonly sessions: Sessions
}
