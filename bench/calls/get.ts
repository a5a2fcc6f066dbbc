// One small GET after another, sixteen in flight: what a call costs beside its own network.
import { median, type Row, row } from '../row.ts'
import { bareGet, graphClient, ours } from './clients.ts'
import type { ScriptedDirectory } from './directory.ts'

const ROUNDS = 15
const CALLS = 2000
const IN_FLIGHT = 16
const PATH = '/users/1'

interface Cost {
  readonly ms: number
  readonly cpuMicros: number
}

export async function smallGet(directory: ScriptedDirectory): Promise<Row[]> {
  await directory.control()
  const [api, client] = [ours(directory), graphClient(directory)]
  const bare = bareGet(directory, 'x'.repeat(1700))
  const sides = {
    ours: () => api.get(PATH),
    bare: () => bare(PATH),
    peer: () => client.api(PATH).get() as Promise<unknown>,
  }
  const costs = await interleavedCosts(sides)
  const what = 'GET with token, small JSON, 16 in flight, deadline on'
  const cpu = (side: keyof typeof sides) => costs[side].cpuMicros / CALLS
  const rate = (side: keyof typeof sides) => (CALLS / costs[side].ms) * 1000
  const peer = '@microsoft/microsoft-graph-client with @azure/identity'
  return [
    row({
      what: `${what}: CPU`,
      ours: cpu('ours'),
      theirs: cpu('bare'),
      against: 'undici.request',
      unit: 'µs',
      goal: '<= 1.2',
    }),
    row({ what, ours: rate('ours'), theirs: rate('peer'), against: peer, unit: 'calls/s', goal: '>= 2' }),
    row({
      what: `${what}: CPU`,
      ours: cpu('ours'),
      theirs: cpu('peer'),
      against: peer,
      unit: 'µs',
      goal: '<= 0.5',
    }),
  ]
}

/** Runs all sides in turn, round by round, and resolves with the medians of each. */
async function interleavedCosts<Name extends string>(
  sides: Readonly<Record<Name, () => Promise<unknown>>>,
): Promise<Record<Name, Cost>> {
  const names = Object.keys(sides) as Name[]
  const costs = new Map<Name, Cost[]>(names.map((name) => [name, []]))
  for (let round = -1; round < ROUNDS; round += 1) {
    const turn = names.map((_, place) => names[(place + Math.max(0, round)) % names.length] as Name)
    for (const name of turn) {
      const cost = await costOf(sides[name])
      // The first round is for compiling and connecting.
      if (round >= 0) costs.get(name)?.push(cost)
    }
  }
  const middle = (name: Name): Cost => ({
    ms: median((costs.get(name) ?? []).map(({ ms }) => ms)),
    cpuMicros: median((costs.get(name) ?? []).map(({ cpuMicros }) => cpuMicros)),
  })
  return Object.fromEntries(names.map((name) => [name, middle(name)])) as Record<Name, Cost>
}

async function costOf(call: () => Promise<unknown>): Promise<Cost> {
  const startMs = performance.now()
  const startCpu = process.cpuUsage()
  let begun = 0
  const lane = async () => {
    while (begun < CALLS) {
      begun += 1
      const answer = (await call()) as { readonly id?: unknown }
      if (answer.id !== '1') throw new Error('Cannot measure: a call was not answered')
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  const { user, system } = process.cpuUsage(startCpu)
  return { ms: performance.now() - startMs, cpuMicros: user + system }
}
