import { AppIdentity, certificate, type Clock, clientSecret, graph, systemClock } from '@tomte/client'
import { rotate, type RotateOptions, rotateSecret, type RotationStep } from '@tomte/client/rotation'

/** What a process needs to rotate, as JSON on its command line. */
export interface Rotating {
  readonly kind: 'certificate' | 'secret'
  readonly file: string
  readonly origin: string
  readonly ca: string
  readonly tenantId: string
  readonly clientId: string
  /** Ends the process at once, as kill -9 does, when this is told. */
  readonly kill?: RotationStep | undefined
}

const SCOPE = 'https://graph.microsoft.com/.default'
// The waits of a rotation are for a service that has servers all over the world; here a thirtieth does.
const WAIT_DIVISOR = 30

/** The machine's time with short waits. */
export const impatientClock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / WAIT_DIVISOR, signal),
}

/** The application as a process of its own knows it. */
export function identityOf({ kind, file, origin, ca, tenantId, clientId }: Rotating): AppIdentity {
  const credential = kind === 'certificate' ? certificate({ file }) : clientSecret({ file })
  return new AppIdentity({ tenantId, clientId, credential, authorityHost: origin, ca })
}

/** Asks for a token that no cache holds. */
export const freshToken = (identity: AppIdentity) => identity.getToken(SCOPE, { forceRefresh: true })

/** Rotates the credential, whatever is left of its life. */
export async function rotateNow(
  rotating: Rotating,
  extra: Pick<RotateOptions, 'onStep' | 'force'> = { force: true },
) {
  const { kind, file, origin, ca } = rotating
  const identity = identityOf(rotating)
  const directory = graph(identity, { baseUrl: `${origin}/graph/v1.0`, scope: SCOPE, ca })
  const options = { identity, directory, file, clock: impatientClock, ...extra }
  return kind === 'certificate' ? rotate(options) : rotateSecret(options)
}
