// An application replaces its own certificate and its own secret while it asks for tokens all the time: no request may fail.
// Then the process that rotates is killed before and after each thing that it does: tokens go on, the next rotation ends well,
// one own credential is registered, those of others are untouched, and no file is left over.
import type { RotationEffect, RotationStep } from '@tomte/client/rotation'
import { paceOf } from './clock.ts'
import { type Fared, report, steadyLoad } from './load.ts'
import { type LocalPlatform, startLocalPlatform } from './local-platform.ts'
import { freshToken, rotateNow, type Rotating } from './rotating.ts'
import { contentOf, letRotate, rotateElsewhere, rotatingApp, type RotatingApp } from './rotating-app.ts'
import type { DrillOptions, DrillResult, Row } from './row.ts'

/** What each kind of rotation does, in this order. */
export const EFFECTS: Readonly<Record<Rotating['kind'], readonly RotationEffect[]>> = {
  certificate: [
    'save next',
    'addKey',
    'save previous',
    'save current',
    'remove next',
    'removeKey',
    'remove previous',
  ],
  secret: [
    'addPassword',
    'save next',
    'save previous',
    'save current',
    'remove next',
    'removePassword',
    'remove previous',
  ],
}

/** Where a rotation of a kind is killed. */
export interface Kill extends RotationStep {
  readonly kind: Rotating['kind']
}

/** All of them. */
export const KILLS: readonly Kill[] = (['certificate', 'secret'] as const).flatMap((kind) =>
  EFFECTS[kind].flatMap((effect) =>
    (['before', 'after'] as const).map((when): Kill => ({ kind, effect, when })),
  ),
)

export interface SelfRotationOptions extends DrillOptions {
  /** How often each kind is rotated under load. Default 20. */
  readonly rotations?: number | undefined
  /** Default: all of them. */
  readonly kills?: readonly Kill[] | undefined
}

const ROTATIONS = 20
const CALLS_PER_SECOND = 50

export async function drill({
  rotations = ROTATIONS,
  kills = KILLS,
}: SelfRotationOptions): Promise<DrillResult> {
  const platform = await startLocalPlatform(paceOf(1), 1)
  try {
    await letRotate(platform)
    const rows: Row[] = []
    if (rotations > 0)
      for (const kind of ['certificate', 'secret'] as const)
        rows.push(await played(platform, kind, (app) => manyTimes(app, rotations)))
    for (const kill of kills) rows.push(await played(platform, kill.kind, (app) => killed(app, kill)))
    return { drill: 'self-rotation', rows }
  } finally {
    await platform.remove()
  }
}

interface Played {
  readonly what: string
  /** Whether it went as it should, apart from the calls. */
  readonly well: boolean
  readonly seconds: number
}

async function played(
  platform: LocalPlatform,
  kind: Rotating['kind'],
  play: (app: RotatingApp) => Promise<Played>,
): Promise<Row> {
  const app = await rotatingApp(platform, kind)
  try {
    const before = await contentOf(app.rotating)
    const load = steadyLoad(CALLS_PER_SECOND, () => freshToken(app.identity))
    let fared: Fared
    let outcome: Played
    try {
      outcome = await play(app)
    } finally {
      fared = await load.stop()
    }
    const { what, well, seconds } = outcome
    const registered = await app.registered()
    const untouched = app.foreign.every((keyId) => registered.includes(keyId))
    const files = await app.files()
    const clean = registered.length === app.foreign.length + 1 && files.length === 1
    const replaced = (await contentOf(app.rotating)) !== before
    return {
      what: `${kind}: ${what}`,
      ...report(what, fared),
      tokenRequests: app.identity.tokenRequests,
      renewedAfterSeconds: seconds,
      goal: '0 failed, one own credential registered, no file left over',
      met: fared.failed === 0 && well && untouched && clean && replaced,
    }
  } finally {
    await app.remove()
  }
}

async function manyTimes({ rotating }: RotatingApp, rotations: number): Promise<Played> {
  const startMs = performance.now()
  let well = true
  for (let done = 0; done < rotations; done += 1) {
    const { rotated, reason } = await rotateNow(rotating)
    well &&= rotated && reason === 'forced'
  }
  return { what: `rotated ${rotations} times`, well, seconds: secondsSince(startMs) }
}

/** The next rotation is not forced: what it does is to finish, or nothing if there was nothing to finish. */
async function killed({ rotating, identity }: RotatingApp, { effect, when }: Kill): Promise<Played> {
  const signal = await rotateElsewhere({ ...rotating, kill: { effect, when } })
  const startMs = performance.now()
  await freshToken(identity)
  const { rotated } = await rotateNow(rotating, {})
  const seconds = secondsSince(startMs)
  const again = rotated ? undefined : await rotateNow(rotating)
  return {
    what: `killed ${when} ${effect}`,
    well: signal === 'SIGKILL' && (again === undefined || again.rotated),
    seconds,
  }
}

const secondsSince = (startMs: number) => (performance.now() - startMs) / 1000
