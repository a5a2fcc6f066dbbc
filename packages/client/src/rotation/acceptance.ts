import { CLOUDS, cloudOf } from '../authority/clouds.ts'
import type { Credential } from '../credential/credential.ts'
import { CredentialError, UnavailableError } from '../errors.ts'
import type { AppIdentity } from '../identity/app-identity.ts'
import type { RotationRun } from './run.ts'

// A new credential reaches the servers behind the token endpoint one by one (wire.md §13.2): one that is accepted once may be
// refused by the next.
const ACCEPTED_IN_A_ROW = 3
const PAUSE_MS = 2_000

/** How the token endpoint is asked. */
export interface Acceptance extends Pick<RotationRun, 'clock' | 'signal'> {
  readonly identity: AppIdentity
  readonly scope: string | undefined
  /** For how long a refusal is put down to replication. */
  readonly replicationMs: number
}

/**
 * Waits until the token endpoint has accepted a credential three times in a row.
 *
 * @throws CredentialError or UnavailableError if it does not within the limit; other refusals at once.
 */
export async function untilAccepted(credential: Credential, options: Acceptance): Promise<void> {
  const { identity, clock, signal, replicationMs } = options
  const scope = options.scope ?? graphScope(identity)
  const other = identity.withCredential(credential)
  const endMs = clock.now() + replicationMs
  for (let accepted = 0; ; ) {
    try {
      await other.getToken(scope, { forceRefresh: true, ...(signal ? { abortSignal: signal } : {}) })
      accepted += 1
      if (accepted >= ACCEPTED_IN_A_ROW) return
    } catch (error) {
      const mayPass = error instanceof CredentialError || error instanceof UnavailableError
      if (!mayPass || clock.now() >= endMs) throw error
      accepted = 0
    }
    await clock.sleep(PAUSE_MS, signal)
  }
}

/** The scope of Graph in the identity's own cloud, which every application may ask for. */
const graphScope = ({ authority }: AppIdentity) =>
  `${(cloudOf(authority.host) ?? CLOUDS.AzurePublicCloud).graph}/.default`
