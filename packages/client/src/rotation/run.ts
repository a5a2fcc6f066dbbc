import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { UnavailableError } from '../errors.ts'
import type { RotationLease } from './lease.ts'

/** Something that a rotation does to the storage or to the registration, in about this order. */
export type RotationEffect =
  | 'addPassword'
  | 'save next'
  | 'addKey'
  | 'save previous'
  | 'save current'
  | 'remove next'
  | 'removeKey'
  | 'removePassword'
  | 'remove previous'

/** What a rotation tells of its progress. */
export interface RotationStep {
  readonly effect: RotationEffect
  readonly when: 'before' | 'after'
}

/** What every rotation takes beside the credential. */
export interface RotationRun {
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
  readonly onStep: ((step: RotationStep) => void) | undefined
}

/** Does one thing and tells of it before and after. */
export type Effect = <Done>(effect: RotationEffect, work: () => Promise<Done>) => Promise<Done>

// The lease outlives the run: whatever a run still does when its time is up, it does under the lease.
const LEASE_MS = 30 * 60_000
const RUN_MAX_MS = 20 * 60_000
// Many more than any state needs: a decision that led in a circle would be a fault of ours.
const STEPS_MAX = 50

export type Outcome<Done> = { readonly done: Done } | 'leased'

/** Runs `work` under a lease, or not at all while another process has it. */
export async function underLease<Done>(
  lease: RotationLease,
  what: string,
  work: () => Promise<Done>,
): Promise<Outcome<Done>> {
  const name = createHash('sha256').update(what).digest('base64url')
  const holder = randomUUID()
  const { signal } = new AbortController()
  if (!(await lease.lease(name, holder, LEASE_MS, signal))) return 'leased'
  try {
    return { done: await work() }
  } finally {
    // A lease that cannot be released ends by itself.
    await lease.release(name, holder, signal).catch(() => {})
  }
}

/**
 * Takes one step after another, each decided anew from what can be seen, until there is none left.
 *
 * @throws UnavailableError if that takes too long; the next rotation goes on from there.
 */
export async function walk(
  { clock, signal }: Pick<RotationRun, 'clock' | 'signal'>,
  step: () => Promise<(() => Promise<void>) | undefined>,
): Promise<void> {
  const endMs = clock.now() + RUN_MAX_MS
  for (let taken = 0; taken < STEPS_MAX && clock.now() < endMs; taken += 1) {
    signal?.throwIfAborted()
    const work = await step()
    if (work === undefined) return
    await work()
  }
  throw new UnavailableError(
    `Cannot finish the rotation, as it has to end within ${RUN_MAX_MS / 60_000} minutes: found steps left`,
    { code: 'rotation_unfinished', hint: 'Rotate again: it goes on where it stopped' },
  )
}

/** Makes the function that does things and tells of them; a listener's fault is its own. */
export function effects(onStep: RotationRun['onStep']): Effect {
  const tell = (step: RotationStep) => {
    try {
      onStep?.(step)
    } catch {
      // The rotation goes on.
    }
  }
  return async (effect, work) => {
    tell({ effect, when: 'before' })
    const done = await work()
    tell({ effect, when: 'after' })
    return done
  }
}
