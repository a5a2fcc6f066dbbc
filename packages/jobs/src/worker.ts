import { type Clock, systemClock } from '@tomte/client'
import { randomFraction } from './clock.ts'
import type { Daemon } from './daemon.ts'
import { rulesOf } from './definition.ts'
import type { Capacity, ClaimedRun, Engine, LostRun, Progress } from './engine/engine.ts'
import { diedTooOften } from './engine/run-records.ts'
import type { JobEvent, JobListener } from './events.ts'
import { findJob } from './new-run.ts'
import { backOffMs, type Outcome, runError } from './outcome.ts'
import { type HandOptions, RunInWork, STUCK_MS } from './run-in-work.ts'
import { Settling } from './settling.ts'
import type { Surroundings } from './surroundings.ts'

/** What a worker stands on. */
export interface WorkerOptions {
  readonly engine: Engine
  readonly daemon: Daemon
  readonly surroundings: Surroundings
  readonly tell: JobListener
  readonly clock?: Clock | undefined
  /** From 0 up to, not including, 1. */
  readonly random?: (() => number) | undefined
}

/** A run that a worker has in hand. */
export interface RunInHand {
  readonly id: string
  readonly job: string
  readonly tenant: string
  readonly attempt: number
  readonly startedAtMs: number
  readonly progress: Progress | undefined
}

/** How a worker ended: it was told to stop, or a job that heeds no signal left it no other way. */
export type WorkerEnd = 'stopped' | 'unfit'

/** Claims runs, executes them and settles them, until it is stopped. */
export interface Worker {
  /** Those it has in hand now. */
  readonly runs: readonly RunInHand[]
  /** When the engine last answered a claim or a heartbeat, in ms; for a health check. */
  readonly lastAnswerAtMs: number
  /** Resolves when it has ended; after `unfit` the process has to end, as a job of it cannot be stopped otherwise. */
  readonly ended: Promise<WorkerEnd>
  /**
   * Takes no more work and tells its runs to stop; resolves when all have ended or are given back, with their checkpoints where
   * they stand. A run that has not stopped after `graceMs` keeps its lease until the process ends.
   */
  stop(graceMs: number): Promise<void>
}

/** Starts to claim and execute the runs of a daemon's jobs. */
export function startWorker(options: WorkerOptions): Worker {
  return new ClaimingWorker(options)
}

// An engine wakes its workers; this is for one that cannot.
const IDLE_MS = 60_000
// A reason that is there already: to make one, with its stack, costs more than to claim a run.
const WOKEN = new Error('there may be work')
const BACK_OFF = { firstMs: 500, maxMs: 30_000 }

class ClaimingWorker implements Worker {
  readonly ended: Promise<WorkerEnd>
  lastAnswerAtMs: number
  readonly #engine: Engine
  readonly #daemon: Daemon
  readonly #tell: JobListener
  readonly #clock: Clock
  readonly #random: () => number
  readonly #hand: HandOptions
  readonly #settling: Settling
  readonly #inHand = new Map<string, RunInWork>()
  /** How many runs of each job may be at work at once. */
  readonly #concurrency: readonly (readonly [job: string, runs: number])[]
  readonly #stop = new AbortController()
  readonly #empty = new AbortController()
  readonly #loops: Promise<unknown>
  #end: (end: WorkerEnd) => void = () => {}
  /** Of the wait for work; none while it claims. */
  #wait: AbortController | undefined
  #isWoken = false
  #emptied: () => void = () => {}

  constructor({ engine, daemon, surroundings, tell, ...options }: WorkerOptions) {
    const { clock = systemClock, random = randomFraction } = options
    this.#engine = engine
    this.#daemon = daemon
    this.#concurrency = Object.entries(daemon.jobs).map(([job, of]) => [job, rulesOf(of).concurrency])
    this.#clock = clock
    this.#random = random
    this.#tell = unheard(tell)
    this.lastAnswerAtMs = clock.now()
    const stuck = (hand: RunInWork) => void this.#unfit(hand)
    this.#hand = { engine, surroundings, tell: this.#tell, clock, random, stuck }
    let failures = 0
    this.#settling = new Settling(
      async (settlements) => {
        const lost = await engine.settle(settlements)
        failures = 0
        return lost
      },
      async (error) => this.#failed('settle', error, failures++),
    )
    this.ended = new Promise((resolve) => (this.#end = resolve))
    this.#loops = Promise.all([this.#claimAlways(), this.#beatAlways()])
  }

  get runs(): readonly RunInHand[] {
    return Array.from(this.#inHand.values(), ({ run, startedAtMs, progress }) => {
      const { id, job, tenant, failures } = run
      return { id, job, tenant, attempt: failures + 1, startedAtMs, progress }
    })
  }

  async stop(graceMs: number): Promise<void> {
    this.#stop.abort()
    this.#wake()
    for (const hand of this.#inHand.values()) hand.stop('stopping')
    await this.#loops
    // What was claimed while it was told to stop.
    for (const hand of this.#inHand.values()) hand.stop('stopping')
    if (this.#inHand.size > 0) await this.#untilEmpty(graceMs)
    this.#end('stopped')
  }

  #untilEmpty(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wait = new AbortController()
      this.#emptied = () => wait.abort()
      this.#clock.sleep(limitMs, wait.signal).then(resolve, () => resolve())
    })
  }

  async #claimAlways(): Promise<void> {
    const { signal } = this.#stop
    for (let failures = 0; !signal.aborted; ) {
      this.#isWoken = false
      const capacities = this.#capacities()
      try {
        const runs = capacities.length === 0 ? [] : await this.#engine.claim(capacities)
        failures = 0
        this.lastAnswerAtMs = this.#clock.now()
        for (const run of runs) void this.#work(run)
        if (runs.length > 0 || this.#isWoken) continue
        this.#wait = new AbortController()
        const { signal: woken } = this.#wait
        if (capacities.length > 0) await this.#engine.waitForWork(IDLE_MS, woken)
        else await this.#sleep(IDLE_MS, woken)
      } catch (error) {
        await this.#failed('claim', error, failures++)
      }
    }
  }

  #capacities(): readonly Capacity[] {
    const hands = new Map<string, RunInWork[]>()
    for (const hand of this.#inHand.values()) {
      const ofJob = hands.get(hand.run.job)
      if (ofJob) ofJob.push(hand)
      else hands.set(hand.run.job, [hand])
    }
    const capacities: Capacity[] = []
    for (const [job, concurrency] of this.#concurrency) {
      const runs = roomFor(concurrency, hands.get(job) ?? [])
      if (runs > 0) capacities.push({ job, runs })
    }
    return capacities
  }

  /** Ends the current wait for work, or the next, also when the worker is stopped. */
  #wake(): void {
    this.#isWoken = true
    this.#wait?.abort(WOKEN)
    this.#wait = undefined
  }

  async #work(run: ClaimedRun): Promise<void> {
    const hand = new RunInWork(run, findJob(this.#daemon, run.job), this.#hand)
    this.#inHand.set(run.id, hand)
    if (this.#stop.signal.aborted) hand.stop('stopping')
    const outcome = await hand.work()
    // The next may be claimed while the end of this one is written.
    this.#wake()
    await this.#settle(hand, outcome)
  }

  /** Once for each run: whoever has taken it out of hand has settled it. */
  async #settle(hand: RunInWork, outcome: Outcome): Promise<void> {
    if (this.#inHand.get(hand.run.id) !== hand) return
    const settlement = hand.settlement(outcome)
    const how = settlement === undefined ? 'lease lost' : await this.#settling.add(settlement)
    if (this.#inHand.get(hand.run.id) === hand) this.#inHand.delete(hand.run.id)
    if (how === 'lease lost') this.#tell(hand.ended({ as: 'lost' }))
    else if (how === 'written') this.#tell(hand.ended(outcome))
    this.#wake()
    if (this.#inHand.size > 0) return
    this.#emptied()
    // Nobody waits for the next heartbeat of a worker that has ended.
    if (this.#stop.signal.aborted) this.#empty.abort()
  }

  /** Keeps leases alive, and takes back what dead workers had; three times within a lease. */
  async #beatAlways(): Promise<void> {
    const { signal } = this.#stop
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#beat()
        for (const lost of await this.#engine.recover()) this.#tell(lostEvent(lost))
        failures = 0
        this.lastAnswerAtMs = this.#clock.now()
        await this.#sleep(this.#engine.leaseMs / 3)
      } catch (error) {
        await this.#failed('heartbeat', error, failures++)
      }
    }
    // Runs that are stopping keep their leases until they have ended.
    if (this.#inHand.size > 0) void this.#beatUntilEmpty()
  }

  async #beatUntilEmpty(): Promise<void> {
    while (this.#inHand.size > 0) {
      await this.#sleep(this.#engine.leaseMs / 3, this.#empty.signal)
      await this.#beat().catch(() => {})
    }
  }

  async #beat(): Promise<void> {
    const hands = [...this.#inHand.values()]
    if (hands.length === 0) return
    const beats = hands.map(({ run: { id, job, epoch }, progress }) => ({ id, job, epoch, progress }))
    for (const { id, why } of await this.#engine.heartbeat(beats))
      this.#inHand.get(id)?.stop(why === 'cancelled' ? 'cancelled' : 'lease_lost')
  }

  /** Waits before something is tried again; says whether it is to be. */
  async #failed(during: string, error: unknown, failures: number): Promise<boolean> {
    const retryInMs = backOffMs(failures, BACK_OFF, this.#random())
    this.#tell({ type: 'engine_failed', during, error: runError(error), retryInMs })
    if (during === 'settle') await this.#clock.sleep(retryInMs)
    else await this.#sleep(retryInMs)
    return true
  }

  async #sleep(ms: number, signal = this.#stop.signal): Promise<void> {
    await this.#clock.sleep(ms, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  }

  /**
   * A job that does not heed its signal goes on for as long as its process lives: the others are given back, and its own run is
   * settled so late that the process is gone before anybody else has it.
   */
  async #unfit(hand: RunInWork): Promise<void> {
    const { stopped } = hand
    if (stopped === undefined || stopped.why === 'stopping') return
    const forMs = this.#clock.now() - stopped.atMs
    this.#tell({ type: 'run_stuck', ...hand.of, why: stopped.why, forMs })
    const outcome = hand.outcomeOfStuck(STUCK_MS)
    this.#stop.abort()
    this.#wake()
    for (const other of this.#inHand.values()) if (other !== hand) other.stop('stopping')
    await Promise.all([this.#loops, this.#settle(hand, outcome)])
    if (this.#inHand.size > 0) await this.#untilEmpty(STUCK_MS)
    this.#end('unfit')
  }
}

/** How many more runs of a job may begin; those whose end is not written yet count once they are as many again. */
function roomFor(concurrency: number, ofJob: readonly RunInWork[]): number {
  const working = ofJob.filter(({ isOver }) => !isOver).length
  return Math.min(concurrency - working, 2 * concurrency - ofJob.length)
}

/** Hears, and lets nobody suffer from what the listener throws. */
function unheard(tell: JobListener): JobListener {
  return (event) => {
    try {
      tell(event)
    } catch {
      // A log that fails is no reason to fail a run.
    }
  }
}

function lostEvent({ id, job, tenant, deaths, failures, as }: LostRun): JobEvent {
  const of = { runId: id, job, tenant }
  if (as === 'queued') return { type: 'worker_died', ...of, deaths }
  if (as === 'cancelled') return { type: 'run_cancelled', ...of }
  return { type: 'run_dead', ...of, durationMs: undefined, error: diedTooOften, failures, deaths }
}
