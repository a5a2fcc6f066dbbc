// The authority is gone for longer than the renewal window, yet comes back before the tokens end: a daemon that calls an
// API all the time, in several tenants, must not notice. Once its process is killed, once it answers 503, once it hangs, once it cuts
// every connection. The clock of all parts runs fast, so that the hour of a token passes in a minute.
import { certificate } from '@tomte/client'
import { CALLS_PER_SECOND, REQUEST_MS, type Scene, startDaemon, TENANTS } from './daemon.ts'
import { report, steadyLoad } from './load.ts'
import type { LocalPlatform } from './local-platform.ts'
import type { DrillOptions, DrillResult, Row } from './row.ts'
import { played } from './stage.ts'

interface Trouble {
  readonly what: string
  readonly begin: (platform: LocalPlatform) => Promise<void>
  readonly end: (platform: LocalPlatform) => Promise<void>
}

const faults = (what: string, fault: object): Trouble => ({
  what,
  begin: (platform) => platform.fault({ target: 'token', ...fault }),
  end: (platform) => platform.endFaults(),
})

/** What happens to the authority, by name. */
const TROUBLES = {
  killed: {
    what: 'killed with SIGKILL, port closed',
    begin: (platform) => platform.kill(),
    end: (platform) => platform.start(),
  },
  unavailable: faults('status 503', { kind: 'status', status: 503 }),
  hanging: faults('no answer', { kind: 'hang' }),
  cutting: faults('connection cut in place of the answer', { kind: 'cut' }),
} satisfies Readonly<Record<string, Trouble>>

type TroubleName = keyof typeof TROUBLES

export interface OutageOptions extends DrillOptions {
  /** Default: all of them. */
  readonly troubles?: readonly TroubleName[] | undefined
  /** How long after the tokens came the authority is back, in seconds of the drill's clock. Default 3,000. */
  readonly backAfterSeconds?: number | undefined
}

const GONE_AFTER_MS = 60_000
const BACK_AFTER_SECONDS = 3000
// Half of a token's hour, less the jitter of a tenth: the first renewal may be due then.
const RENEWAL_MS = 1_620_000
// A failed renewal is tried again after 24 to 36 s.
const PAUSE_MIN_MS = 24_000
const PAUSE_MAX_MS = 36_000

export async function drill(options: OutageOptions): Promise<DrillResult> {
  const names = options.troubles ?? (Object.keys(TROUBLES) as TroubleName[])
  const troubles: readonly Trouble[] = names.map((name) => TROUBLES[name])
  const backMs = (options.backAfterSeconds ?? BACK_AFTER_SECONDS) * 1000
  const rows = await played(options, troubles, (scene, trouble) => outage(scene, trouble, backMs))
  return { drill: 'outage', rows }
}

async function outage(scene: Scene, { what, begin, end }: Trouble, backMs: number): Promise<Row> {
  const { platform, clock, speed } = scene
  const { identity, renewals, call } = await startDaemon(scene, [certificate(platform.certified)])
  const startMs = clock.now()
  const until = (ms: number) => clock.sleep(Math.max(0, startMs + ms - clock.now()))
  const load = steadyLoad(CALLS_PER_SECOND, call)
  await until(GONE_AFTER_MS)
  await begin(platform)
  renewals.begin()
  await until(backMs)
  const failures = renewals.failures()
  await end(platform)
  const limitMs = PAUSE_MAX_MS + REQUEST_MS * speed
  const renewedAfterMs = await renewals.all(limitMs)
  const endMs = clock.now() - startMs
  const fared = report(what, await load.stop())
  const { tokenRequests } = identity
  const requestsMax = TENANTS * (2 + Math.ceil((endMs - RENEWAL_MS) / PAUSE_MIN_MS))
  return {
    what,
    ...fared,
    tokenRequests,
    renewedAfterSeconds: renewedAfterMs === undefined ? undefined : renewedAfterMs / 1000,
    goal: `0 failed, <= ${requestsMax} token requests, renewed within ${limitMs / 1000} s`,
    // An outage that no renewal has met would show nothing.
    met: fared.failed === 0 && failures > 0 && tokenRequests <= requestsMax && renewedAfterMs !== undefined,
  }
}
