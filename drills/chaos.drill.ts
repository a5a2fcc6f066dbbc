// Between the client and the directory everything goes wrong that can: connections are cut before, during and after the work, gateways
// fail, answers come too late, and one second in five everything is throttled. Twenty thousand upserts must end with each person
// exactly once, and as the file says.
import { type Api, graph } from '@tomte/client'
import { paceOf } from './clock.ts'
import { startChaosProxy } from './chaos-proxy.ts'
import { type LocalPlatform, startLocalPlatform } from './local-platform.ts'
import type { DrillOptions, DrillResult, Row } from './row.ts'
import { newPerson, upsert, type Wanted } from './upserts.ts'

export interface ChaosOptions extends DrillOptions {
  /** Default 20,000. */
  readonly people?: number | undefined
  /** How many times as often as usual everything happens. Default 1. */
  readonly factor?: number | undefined
}

const PEOPLE = 20_000
const TIMEOUT_MS = 3000

export async function drill({ seed, people = PEOPLE, factor = 1 }: ChaosOptions): Promise<DrillResult> {
  const platform = await startLocalPlatform(paceOf(1), 1)
  try {
    return { drill: 'chaos', rows: [await upsertsInChaos(platform, { seed, people, factor })] }
  } finally {
    await platform.remove()
  }
}

async function upsertsInChaos(
  platform: LocalPlatform,
  {
    seed,
    people: count,
    factor,
  }: { readonly seed: number; readonly people: number; readonly factor: number },
): Promise<Row> {
  const domain = await domainOf(platform.directory)
  const wanted = Array.from({ length: count }, (_, number) => person(number, 'as the file says'))
  // Half of them are there already, half of those as they should be.
  await fill(platform.directory, domain, [
    ...wanted.slice(0, count / 4),
    ...wanted
      .slice(count / 4, count / 2)
      .map(({ employeeId }, index) => person(Number(employeeId), `old ${index}`)),
  ])
  const proxy = await startChaosProxy({
    target: platform.origin,
    targetCa: platform.ca,
    random: seeded(seed),
    factor,
    tooLateMs: TIMEOUT_MS,
  })
  try {
    const baseUrl = proxy.origin + new URL(platform.directory.baseUrl).pathname
    const directory = graph(platform.operator, { baseUrl, ca: proxy.ca, timeoutMs: TIMEOUT_MS })
    const startMs = performance.now()
    const rounds = await upsert(directory, domain, wanted)
    const longestWaitMs = performance.now() - startMs
    const harmed = Object.values(proxy.harm).reduce((sum, times) => sum + times, 0)
    const failed = await wrong(platform.directory, wanted)
    return {
      what: `${count} upserts in ${rounds} rounds: ${harmed} of ${directory.requests} requests broken, ${directory.retries} repeated`,
      calls: directory.requests,
      failed,
      longestWaitMs,
      tokenRequests: platform.operator.tokenRequests,
      withoutRenewals: true,
      goal: 'each person exactly once and as the file says, every kind of trouble met',
      met: failed === 0 && Object.values(proxy.harm).every((times) => times > 0 || count < PEOPLE),
    }
  } finally {
    proxy.stop()
  }
}

const person = (number: number, jobTitle: string): Wanted => ({
  employeeId: String(number),
  displayName: `Person ${number}`,
  jobTitle,
})

async function domainOf(directory: Api): Promise<string> {
  const { value } = (await directory.get('/organization')) as {
    readonly value: readonly [{ readonly verifiedDomains: readonly { readonly name: string }[] }]
  }
  return value[0].verifiedDomains[0]?.name ?? ''
}

async function fill(directory: Api, domain: string, people: readonly Wanted[]): Promise<void> {
  const requests = people.map(
    (each) => ({ method: 'POST', url: '/users', body: newPerson(each, domain) }) as const,
  )
  for (const { status } of await directory.batch(requests))
    if (status !== 201) throw new Error(`Cannot fill the directory: status ${status}`)
}

/** Counts the people who are there more than once, not at all, or not as the file says. */
async function wrong(directory: Api, wanted: readonly Wanted[]): Promise<number> {
  const found = new Map<string, Wanted[]>()
  for await (const user of directory.pages('/users?$select=employeeId,displayName,jobTitle&$top=999')) {
    const { employeeId, displayName, jobTitle } = user as Wanted
    found.set(employeeId, [...(found.get(employeeId) ?? []), { employeeId, displayName, jobTitle }])
  }
  return wanted.filter((each) => JSON.stringify(found.get(each.employeeId)) !== JSON.stringify([each])).length
}

/** The minimal standard generator of Park and Miller. */
function seeded(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
