import { randomUUID } from 'node:crypto'
import { type Clock, type Environment, systemClock } from '@tomte/client'
import { randomFraction } from '../clock.ts'
import type { Daemon } from '../daemon.ts'
import type { Engine } from '../engine/engine.ts'
import { JobError } from '../errors.ts'
import type { JobListener } from '../events.ts'
import { withServiceCredentials } from '../service/credentials.ts'
import { type ServiceNotifier, serviceNotifier } from '../service/notify.ts'
import { type DaemonAddress, newToken, removeAddress, writeAddress } from './address-file.ts'
import { type Crew, type CrewOptions, prepareCrew, startCrew } from './crew.ts'
import { databaseCopier } from './database-copy.ts'
import { engineDesk } from './desk.ts'
import { openEngine } from './engine-choice.ts'
import { quietLimitMs, readinessOf } from './health.ts'
import { keepHistory } from './history.ts'
import { identityLogListener, logListener, tellAll } from './listeners.ts'
import { type DaemonLog, jsonLog, plainLog, type TextSink } from './log.ts'
import { type Metrics, metrics } from './metrics.ts'
import { loggable } from './secrets.ts'
import { startWatchdog, type Watchdog } from '../watchdog.ts'
import { type StatusServer, startStatusServer } from './status-server.ts'
import { telemetryListener } from './telemetry.ts'
import { failureWebhook, type Webhook } from './webhook.ts'

/** Where the signals of a process come from: `process` itself. */
export interface SignalSource {
  on(signal: DaemonSignal, listener: () => void): unknown
  off(signal: DaemonSignal, listener: () => void): unknown
}

/** What a daemon heeds. */
export type DaemonSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

/** What a process tells of itself. */
export interface ProcessView {
  readonly pid: number
  cpuUsage(): { readonly user: number; readonly system: number }
  memoryUsage: { rss(): number }
  uptime(): number
}

/** How a daemon is run. */
export interface DaemonOptions {
  /** Reads the definition; called again at each SIGHUP. */
  readonly load: () => Promise<Daemon>
  /** Where it was read: its relative paths start at that folder. Default: the working folder. */
  readonly configFile?: string | undefined
  readonly environment: Environment
  /** Where state is kept, the address of the status API, and without a database the runs. */
  readonly dataFolder: string
  /** PostgreSQL in place of SQLite in the data folder; default: `TOMTE_DATABASE_URL` of the environment, or SQLite. */
  readonly databaseUrl?: string | undefined
  /** How long runs may take to end or to reach a checkpoint, in ms. Default: 30,000. */
  readonly graceMs?: number | undefined
  readonly statusHost?: string | undefined
  /** Default: 0, a free one. */
  readonly statusPort?: number | undefined
  /** Lets other machines ask for health and metrics, without TLS. */
  readonly exposeStatus?: boolean | undefined
  /** Names beside `localhost` and addresses that may stand in a Host header. */
  readonly statusNames?: readonly string[] | undefined
  /** Where the log goes. */
  readonly sink: TextSink
  /** Plain lines for a person in place of JSON. */
  readonly plain?: boolean | undefined
  /** SIGTERM, SIGINT and SIGHUP are heeded where they are given: a program that is more than the daemon may leave them out. */
  readonly signals?: SignalSource | undefined
  /** Ends the daemon as SIGTERM does. */
  readonly signal?: AbortSignal | undefined
  readonly process: ProcessView
  /** Ends the process at once: for a second signal. */
  readonly exit?: ((code: number) => void) | undefined
  /** Told of every event, beside the log. */
  readonly onEvent?: JobListener | undefined
  readonly clock?: Clock | undefined
  readonly random?: (() => number) | undefined
}

const GRACE_MS = 30_000
const WEBHOOK_WITHIN_MS = 5_000

/**
 * Runs a daemon until it is told to stop: engine, scheduler, worker, status API, log, history. SIGTERM and SIGINT end its runs at
 * their checkpoints within the grace period, a second one ends the process at once; SIGHUP reads the definition again, and a
 * broken one is refused while the old goes on.
 *
 * @returns the exit code: 0 if everything ended in time, else 1; the process has to end then, as a job goes on in it that no signal stops.
 * @throws JobError or ConfigurationError if it cannot be started; nothing runs then.
 * @example
 * ```ts
 * import { defineDaemon, runDaemon } from '@tomte/jobs'
 * const daemon = defineDaemon({ apis: {}, jobs: {} })
 * process.exitCode = await runDaemon({
 *   load: async () => daemon,
 *   environment: process.env,
 *   dataFolder: '.tomte',
 *   sink: process.stdout,
 *   signals: process,
 *   process,
 *   exit: (code) => process.exit(code),
 * })
 * ```
 *
 * In a program that does more than that, which keeps its own signals:
 *
 * @example
 * ```ts
 * import { defineDaemon, runDaemon } from '@tomte/jobs'
 * const daemon = defineDaemon({ apis: {}, jobs: {} })
 * const ending = new AbortController()
 * const ended = runDaemon({
 *   load: async () => daemon,
 *   environment: process.env,
 *   dataFolder: '.tomte',
 *   sink: process.stderr,
 *   process,
 *   signal: ending.signal,
 * })
 * ending.abort()
 * // A job that cannot be stopped leaves no other way.
 * if ((await ended) !== 0) process.exit(1)
 * ```
 */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const environment = await withServiceCredentials(options.environment)
  const daemon = await options.load()
  const { clock = systemClock, random = randomFraction } = options
  const log = options.plain
    ? plainLog(options.sink, clock)
    : await jsonLog(options.sink, daemon.name ?? 'daemon', clock)
  const say = sayer(log)
  const watched = metrics()
  const webhook = webhookOf(daemon, { environment, clock, random, say })
  const listeners = [logListener(log), watched.hear, telemetryListener()]
  if (webhook) listeners.push(webhook.hear)
  if (options.onEvent) listeners.push(options.onEvent)
  const tell = tellAll(listeners)
  const engine = await openEngine({ ...options, environment, clock, daemon })
  const parts = { options, engine, environment, clock, random, log, say, metrics: watched, webhook, tell }
  return new Host(parts).run(daemon)
}

type Say = (level: 'info' | 'warn' | 'error', message: string, fields?: object) => void

const sayer =
  (log: DaemonLog): Say =>
  (level, message, fields = {}) =>
    log.write({ level, fields: { ...fields }, message: loggable(message) })

function webhookOf(
  { name = 'daemon' }: Daemon,
  { environment, clock, random, say }: Pick<HostParts, 'environment' | 'clock' | 'random' | 'say'>,
): Webhook | undefined {
  const url = environment['TOMTE_WEBHOOK_URL']
  if (!url) return undefined
  const secret = environment['TOMTE_WEBHOOK_SECRET'] || undefined
  const onFault = (line: string) => say('error', line)
  return failureWebhook({ url, secret, daemon: name, clock, random, newId: randomUUID, onFault })
}

interface HostParts {
  readonly options: DaemonOptions
  readonly engine: Engine
  readonly environment: Environment
  readonly clock: Clock
  readonly random: () => number
  readonly log: DaemonLog
  readonly say: Say
  readonly metrics: Metrics
  readonly webhook: Webhook | undefined
  readonly tell: JobListener
}

/** One daemon from its start to its end. */
class Host {
  readonly #parts: HostParts
  readonly #crewOptions: CrewOptions
  readonly #notifier: ServiceNotifier
  readonly #background = new AbortController()
  readonly #stopped = Promise.withResolvers<'signal' | 'unfit'>()
  #crew: Crew | undefined
  #reloading: Promise<void> = Promise.resolve()
  #ended = false

  constructor(parts: HostParts) {
    this.#parts = parts
    const { options, engine, environment, clock, random, log, say, tell } = parts
    const { configFile } = options
    const onIdentityEvent = identityLogListener(log)
    this.#crewOptions = { engine, environment, configFile, tell, clock, random, onIdentityEvent }
    this.#notifier = serviceNotifier(environment, options.process.pid, (line) => say('warn', line))
  }

  async run(daemon: Daemon): Promise<number> {
    const { options, engine, say } = this.#parts
    const signals = this.#heedSignals()
    let server: StatusServer | undefined
    let watchdog: Watchdog | undefined
    let address: DaemonAddress | undefined
    try {
      const prepared = await prepareCrew(daemon, this.#crewOptions)
      const token = newToken()
      server = await this.#startServer(token)
      address = { origin: server.origin, token, pid: options.process.pid }
      await writeAddress(options.dataFolder, address)
      watchdog = startWatchdog(engine.leaseMs)
      this.#use(startCrew(prepared, this.#crewOptions))
      const count = Object.keys(daemon.jobs).length
      const ready = `Ready: ${count} job${count === 1 ? '' : 's'}, status at ${server.origin}`
      say('info', ready, { event: 'daemon_ready', origin: server.origin })
      void this.#notifier.ready(ready)
      void this.#watchdog()
      void keepHistory({
        engine,
        clock: this.#parts.clock,
        signal: this.#background.signal,
        onFault: (error) => say('warn', `Cannot delete old runs: ${messageOf(error)}`),
      })
      const why = await this.#stopped.promise
      return await this.#stop(why)
    } finally {
      this.#background.abort()
      signals.end()
      if (address) await removeAddress(options.dataFolder, address).catch(() => {})
      await server?.close()
      await watchdog?.stop()
      if (this.#crew && !this.#crew.stopping) await this.#crew.stop(0)
      await engine
        .close()
        .catch((error: unknown) => say('warn', `Cannot close the database: ${messageOf(error)}`))
      await this.#parts.webhook?.settle(AbortSignal.timeout(WEBHOOK_WITHIN_MS))
    }
  }

  #use(crew: Crew): void {
    this.#crew = crew
    void crew.worker.ended.then((end) => {
      if (end === 'unfit' && this.#crew === crew) this.#stopped.resolve('unfit')
    })
  }

  /** Ends what runs. What has not stopped keeps its lease until the process is gone. */
  async #stop(why: 'signal' | 'unfit'): Promise<number> {
    const { options, say } = this.#parts
    const graceMs = options.graceMs ?? GRACE_MS
    void this.#notifier.stopping()
    await this.#reloading
    const crew = this.#crew
    if (!crew) return 1
    const running = crew.worker.runs.length
    say('info', `Stopping: ${running} run${running === 1 ? '' : 's'} in hand, at most ${graceMs / 1000} s`, {
      event: 'daemon_stopping',
    })
    await crew.stop(graceMs)
    this.#ended = true
    for (const { id, job, tenant } of crew.worker.runs)
      say('error', 'Has not stopped within the grace period', {
        event: 'run_abandoned',
        job,
        run: id,
        tenant,
      })
    const clean = why === 'signal' && crew.worker.runs.length === 0
    say(clean ? 'info' : 'error', clean ? 'Stopped' : 'Ended with work that could not be stopped', {
      event: 'daemon_stopped',
    })
    return clean ? 0 : 1
  }

  #heedSignals(): { end(): void } {
    const { signals, signal: ending, exit } = this.#parts.options
    let told = false
    const stop = (code: number) => () => {
      if (told) return exit?.(code)
      told = true
      this.#stopped.resolve('signal')
    }
    const listeners = {
      SIGTERM: stop(143),
      SIGINT: stop(130),
      SIGHUP: () => {
        if (!told) this.#reloading = this.#reloading.then(() => this.#reload())
      },
    } as const
    const each = Object.entries(listeners) as [DaemonSignal, () => void][]
    for (const [signal, listener] of each) signals?.on(signal, listener)
    const end = () => this.#stopped.resolve('signal')
    ending?.addEventListener('abort', end)
    if (ending?.aborted) end()
    return {
      end: () => {
        for (const [signal, listener] of each) signals?.off(signal, listener)
        ending?.removeEventListener('abort', end)
      },
    }
  }

  /** Reads the definition again. What cannot be used is refused before anything of the old one is stopped. */
  async #reload(): Promise<void> {
    const { options, say } = this.#parts
    const old = this.#crew
    if (!old) return
    await this.#notifier.reloading()
    try {
      const prepared = await prepareCrew(await options.load(), this.#crewOptions)
      requireSameName(old.daemon, prepared.daemon)
      await old.stop(options.graceMs ?? GRACE_MS)
      if (old.worker.runs.length > 0) {
        this.#stopped.resolve('unfit')
        return
      }
      this.#use(startCrew(prepared, this.#crewOptions))
      say('info', 'Works by the new configuration', { event: 'daemon_reloaded' })
    } catch (error) {
      say('error', `The new configuration is refused, and the old one goes on: ${messageOf(error)}`, {
        event: 'reload_refused',
        code: codeOf(error),
      })
    }
    await this.#notifier.ready('Ready')
  }

  async #startServer(token: string): Promise<StatusServer> {
    const { options, engine, clock, metrics: watched } = this.#parts
    const desk = engineDesk({
      engine,
      daemon: () => this.#crew?.daemon ?? { apis: {}, jobs: {} },
      tenant: async () => this.#crew?.tenant ?? '',
      next: () => this.#crew?.scheduler.next() ?? [],
      ready: () => this.#isAnswered(),
      now: () => clock.now(),
    })
    return startStatusServer({
      host: options.statusHost,
      port: options.statusPort ?? 0,
      exposeStatus: options.exposeStatus,
      names: options.statusNames,
      token,
      desk,
      isAlive: () => !this.#ended,
      readiness: () => {
        const runs = this.#crew !== undefined && !this.#crew.stopping
        const lastAnswerAtMs = this.#crew?.worker.lastAnswerAtMs ?? 0
        const facts = { engine, schedulerRuns: runs, workerRuns: runs, lastAnswerAtMs, nowMs: clock.now() }
        return readinessOf(facts, (ms) => clock.sleep(ms))
      },
      metrics: async () => watched.text(await desk.status(), this.#processFacts()),
      copy: databaseCopier(engine, options.dataFolder),
    })
  }

  #isAnswered(): boolean {
    const { engine, clock } = this.#parts
    const crew = this.#crew
    if (crew === undefined || crew.stopping) return false
    return clock.now() - crew.worker.lastAnswerAtMs <= quietLimitMs(engine.leaseMs)
  }

  #processFacts() {
    const { options, clock } = this.#parts
    const { user, system } = options.process.cpuUsage()
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: options.process.memoryUsage.rss(),
      startedAtMs: clock.now() - options.process.uptime() * 1000,
    }
  }

  /** Tells the service manager that the worker is answered; a daemon that is not is ended and started anew by it. */
  async #watchdog(): Promise<void> {
    const everyMs = this.#notifier.watchdogEveryMs
    if (everyMs === undefined) return
    const { clock } = this.#parts
    for (;;) {
      await this.#notifier.watchdog()
      try {
        await clock.sleep(everyMs, this.#background.signal)
      } catch {
        return
      }
    }
  }
}

function requireSameName(old: Daemon, next: Daemon): void {
  if ((old.name ?? 'daemon') === (next.name ?? 'daemon')) return
  throw new JobError(
    `Cannot take another name while it runs, as runs belong to '${old.name ?? 'daemon'}': found '${next.name ?? 'daemon'}'`,
    { code: 'daemon_renamed', hint: 'Restart the daemon' },
  )
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : 'something that is no error')

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unexpected'
