import { fastClock, paceOf } from './clock.ts'
import { type Scene, TENANTS } from './daemon.ts'
import { startLocalPlatform } from './local-platform.ts'
import { startOrdersApi } from './orders-api.ts'
import type { DrillOptions, Row } from './row.ts'

// The hour of a token passes in a minute.
const SPEED = 60

/** Starts a platform and an API, plays each scene in turn, and takes both down whatever comes of it. */
export async function played<Scenario>(
  { seed, speed = SPEED }: DrillOptions,
  scenarios: readonly Scenario[],
  play: (scene: Scene, scenario: Scenario) => Promise<Row>,
): Promise<Row[]> {
  const pace = paceOf(speed)
  const clock = fastClock(pace)
  const platform = await startLocalPlatform(pace, TENANTS)
  try {
    const orders = await startOrdersApi(platform, () => clock.now())
    try {
      const rows: Row[] = []
      for (const scenario of scenarios)
        rows.push(await play({ seed, speed, platform, orders, clock }, scenario))
      return rows
    } finally {
      orders.stop()
    }
  } finally {
    await platform.remove()
  }
}
