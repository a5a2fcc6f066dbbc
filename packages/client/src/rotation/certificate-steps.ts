/** One step of a rotation; each leaves a state from which the next is found again. */
export type CertificateStep =
  | 'make'
  | 'add'
  | 'accept'
  | 'keep'
  | 'promote'
  | 'unregisterPrevious'
  | 'unregisterNext'
  | 'discardNext'
  | 'discardPrevious'

/** What can be seen: the thumbprints in the slots, and what the directory and the token endpoint know. */
export interface CertificateState {
  readonly current: string
  readonly next: string | undefined
  readonly previous: string | undefined
  readonly isRegistered: (thumbprint: string) => boolean
  /** Whether the token endpoint has accepted it during this run. */
  readonly isAccepted: (thumbprint: string) => boolean
  /** Whether the next one would be due itself: it was left by a run long ago. */
  readonly isNextOutdated: boolean
  readonly isDue: boolean
}

/**
 * The step to take in a state, and none when all is done: one certificate in its place, one registered. A rotation walks
 *
 * | slots: current, next, previous | registered | step |
 * |---|---|---|
 * | A | A | make |
 * | A, B | A | add |
 * | A, B | A, B | accept, then keep |
 * | A, B, A | A, B | promote |
 * | B, B, A | A, B | discardNext |
 * | B, –, A | A, B | unregisterPrevious, after a while |
 * | B, –, A | B | discardPrevious |
 */
export function nextCertificateStep(state: CertificateState): CertificateStep | undefined {
  const { current, next, previous, isDue } = state
  if (next === current) return 'discardNext'
  if (previous !== undefined && previous !== current)
    return state.isRegistered(previous) ? 'unregisterPrevious' : 'discardPrevious'
  if (next !== undefined) return stepWithNext(next, state)
  if (previous !== undefined) return 'discardPrevious'
  return isDue ? 'make' : undefined
}

function stepWithNext(next: string, state: CertificateState): CertificateStep {
  if (state.isNextOutdated) return state.isRegistered(next) ? 'unregisterNext' : 'discardNext'
  if (!state.isRegistered(next)) return 'add'
  if (!state.isAccepted(next)) return 'accept'
  return state.previous === undefined ? 'keep' : 'promote'
}
