import type { RegisteredCredential } from './registration.ts'

/** One step of a secret's rotation; each leaves a state from which the next is found again. */
export type SecretStep =
  | { readonly kind: 'make' | 'accept' | 'keep' | 'promote' | 'discardNext' | 'discardPrevious' }
  | { readonly kind: 'unregisterPrevious' | 'unregisterOrphan'; readonly keyId: string }

/** What can be seen: the texts in the slots, the secrets of the registration, and what the token endpoint has accepted. */
export interface SecretState {
  readonly current: string
  readonly next: string | undefined
  readonly previous: string | undefined
  readonly registered: readonly RegisteredCredential[]
  /** The display name of the secrets that rotations in this place have made. */
  readonly displayName: string
  /** Whether the token endpoint has accepted the next one during this run. */
  readonly isAccepted: boolean
  /** Until when a secret has to be valid, so that it is not due. */
  readonly soonMs: number
  readonly force: boolean
  /** Whether this run has put another secret in place. */
  readonly isDone: boolean
}

// The directory shows the first three characters of a secret, and no more (wire.md §13.2).
const HINT_LENGTH = 3

/** The registered secrets that a text may be; each rotation sees to it that there is one at most. */
export const candidates = (
  text: string,
  registered: readonly RegisteredCredential[],
): readonly RegisteredCredential[] => registered.filter(({ hint }) => hint === text.slice(0, HINT_LENGTH))

/**
 * The step to take in a state, and none when all is done. The walk is that of a certificate, except that the directory makes
 * the secret and shows it once: what a crash has left between the making and the saving is an orphan, which nobody can use. It
 * is known by its display name and by being neither the current secret nor another one in a slot.
 */
export function nextSecretStep(state: SecretState): SecretStep | undefined {
  const { current, next, previous, registered } = state
  if (next === current) return { kind: 'discardNext' }
  if (previous !== undefined && previous !== current) {
    const [old] = candidates(previous, registered)
    return old ? { kind: 'unregisterPrevious', keyId: old.keyId } : { kind: 'discardPrevious' }
  }
  if (next !== undefined) return stepWithNext(next, state)
  if (previous !== undefined) return { kind: 'discardPrevious' }
  const orphan = orphanIn(state)
  if (orphan) return { kind: 'unregisterOrphan', keyId: orphan.keyId }
  return isDue(state) ? { kind: 'make' } : undefined
}

function stepWithNext(next: string, { registered, soonMs, isAccepted, previous }: SecretState): SecretStep {
  const [entry] = candidates(next, registered)
  // One that nobody knows, or that was left long ago, becomes an orphan and is replaced.
  if (!entry || (entry.expiresAtMs ?? Infinity) <= soonMs) return { kind: 'discardNext' }
  if (!isAccepted) return { kind: 'accept' }
  return { kind: previous === undefined ? 'keep' : 'promote' }
}

function orphanIn({ current, registered, displayName }: SecretState): RegisteredCredential | undefined {
  const [own] = candidates(current, registered)
  // As long as it is not known which one is in use, none is removed.
  if (!own) return undefined
  return registered.find((one) => one.displayName === displayName && one.keyId !== own.keyId)
}

function isDue({ current, registered, soonMs, force, isDone }: SecretState): boolean {
  if (isDone) return false
  const [own] = candidates(current, registered)
  return force || (own?.expiresAtMs ?? Infinity) <= soonMs
}
