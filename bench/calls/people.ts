// Twenty thousand people go into a directory: by our batches, by Microsoft Graph's client one by one, and by batches of 20 that are
// made by hand, four at a time.
import { median, type Row, row } from '../row.ts'
import type { Client } from '@microsoft/microsoft-graph-client'
import { graphClient, ours } from './clients.ts'
import type { DirectoryScript, ScriptedDirectory } from './directory.ts'

const PEOPLE = 20_000
const BATCH_SIZE = 20
const BATCHES_AT_A_TIME = 4
// As Graph answers: a request in 50 ms, a batch in 300 ms.
const AS_GRAPH: Partial<DirectoryScript> = { requestMs: 50, batchMs: 300 }
// One by one would take a quarter of an hour: its rate is the same from the first to the last.
const ONE_BY_ONE = 400

interface Fared {
  readonly perSecond: number
  readonly cpuMicrosEach: number
}

type Provision = (people: readonly object[]) => Promise<void>

const person = (number: number) => ({
  accountEnabled: true,
  displayName: `Person number ${number}`,
  mailNickname: `person.${number}`,
  userPrincipalName: `person.${number}@contoso.example`,
  employeeId: String(number),
  jobTitle: 'Engineer',
})

const people = (count: number) => Array.from({ length: count }, (_, index) => person(index))

/** Ours: one call with all of them. */
const byOurs =
  (directory: ScriptedDirectory, tenant = 0): Provision =>
  async (all) => {
    await ours(directory, tenant).batch(all.map((body) => ({ method: 'POST', url: '/users', body })))
  }

const oneByOne =
  (client: Client): Provision =>
  async (all) => {
    for (const body of all) await client.api('/users').post(body)
  }

/** As the documentation shows it, with a counter for the lanes. */
const byHand =
  (client: Client): Provision =>
  async (all) => {
    let begun = 0
    const lane = async () => {
      while (begun < all.length) {
        const chunk = all.slice(begun, begun + BATCH_SIZE)
        begun += chunk.length
        const requests = chunk.map((body, index) => ({
          id: String(index),
          method: 'POST',
          url: '/users',
          headers: { 'Content-Type': 'application/json' },
          body,
        }))
        const { responses } = (await client.api('/$batch').post({ requests })) as {
          readonly responses: readonly { readonly status: number }[]
        }
        if (responses.some(({ status }) => status !== 201)) throw new Error('Cannot measure: refused')
      }
    }
    await Promise.all(Array.from({ length: BATCHES_AT_A_TIME }, lane))
  }

/** People a second, with the directory as slow as Graph and with no delay at all. */
export async function provision(directory: ScriptedDirectory): Promise<Row[]> {
  const client = graphClient(directory)
  const run = (provisioned: Provision, count: number, script: Partial<DirectoryScript>) =>
    fared(directory, provisioned, count, script)
  const what = `${PEOPLE.toLocaleString('en')} people`
  const single = 'Graph client, one by one'
  const hand = 'Graph client, batches of 20 by hand, 4 at a time'
  await run(oneByOne(client), 1, {})
  const slow = {
    ours: await run(byOurs(directory), PEOPLE, AS_GRAPH),
    single: await run(oneByOne(client), ONE_BY_ONE, AS_GRAPH),
    hand: await run(byHand(client), PEOPLE / 4, AS_GRAPH),
  }
  const rounds: { readonly ours: Fared; readonly hand: Fared }[] = []
  for (let round = 0; round < 5; round += 1) {
    const ourTurn = () => run(byOurs(directory), PEOPLE, {})
    const theirTurn = () => run(byHand(client), PEOPLE, {})
    const first = round % 2 === 0 ? await ourTurn() : undefined
    const theirs = await theirTurn()
    rounds.push({ ours: first ?? (await ourTurn()), hand: theirs })
  }
  const middle = (side: 'ours' | 'hand', fact: keyof Fared) => median(rounds.map((each) => each[side][fact]))
  const delayed = `${what}, a request takes 50 ms and a batch 300 ms`
  const unit = 'people/s'
  return [
    row({
      what: delayed,
      ours: slow.ours.perSecond,
      theirs: slow.single.perSecond,
      against: single,
      unit,
      goal: '>= 8',
    }),
    row({
      what: delayed,
      ours: slow.ours.perSecond,
      theirs: slow.hand.perSecond,
      against: hand,
      unit,
      goal: '>= 1.5',
    }),
    row({
      what: `${what}, no delay`,
      ours: middle('ours', 'perSecond'),
      theirs: middle('hand', 'perSecond'),
      against: hand,
      unit,
      goal: '>= 0.95',
    }),
    row({
      what: `${what}, no delay: CPU of a person`,
      ours: middle('ours', 'cpuMicrosEach'),
      theirs: middle('hand', 'cpuMicrosEach'),
      against: hand,
      unit: 'µs',
      goal: '<= 1',
    }),
    ...(await throttled(directory, slow.ours.perSecond)),
  ]
}

async function fared(
  directory: ScriptedDirectory,
  provisioned: Provision,
  count: number,
  script: Partial<DirectoryScript>,
): Promise<Fared> {
  const all = people(count)
  await directory.control(script)
  const startMs = performance.now()
  const startCpu = process.cpuUsage()
  await provisioned(all)
  const ms = performance.now() - startMs
  const { user, system } = process.cpuUsage(startCpu)
  const { people: arrived } = await directory.control()
  if (arrived !== count) throw new Error(`Cannot measure: ${arrived} of ${count} people arrived`)
  return { perSecond: (count / ms) * 1000, cpuMicrosEach: (user + system) / count }
}

const BUCKET_SECONDS = 10

/** A directory that grants a tenth of what we have shown to be able to, in Graph's buckets of ten seconds. */
async function throttled(directory: ScriptedDirectory, perSecond: number): Promise<Row[]> {
  const bucketUnits = Math.round((perSecond / 10) * BUCKET_SECONDS)
  await directory.control({ ...AS_GRAPH, bucketUnits })
  // A client that has learned nothing of any limit.
  await byOurs(directory, 1)(people(PEOPLE))
  const { people: arrived, buckets } = await directory.control()
  if (arrived !== PEOPLE) throw new Error(`Cannot measure: ${arrived} of ${PEOPLE} people arrived`)
  // The first bucket teaches the limit, and the last is not whole.
  const whole = buckets.slice(1, -1)
  const granted = whole.reduce((sum, bucket) => sum + bucket.granted, 0)
  const refused = buckets.slice(1).reduce((sum, bucket) => sum + bucket.throttled, 0)
  const after = buckets.slice(1).reduce((sum, bucket) => sum + bucket.granted, 0)
  const what = `${PEOPLE.toLocaleString('en')} people into a directory throttled to ${bucketUnits} in 10 s`
  const unit = '%'
  return [
    row({
      what: `${what}: goodput`,
      ours: (granted / (whole.length * bucketUnits)) * 100,
      theirs: 100,
      against: 'limit',
      unit,
      goal: '>= 95',
    }),
    row({
      what: `${what}: throttled after the first bucket`,
      ours: Math.max(0.001, (refused / after) * 100),
      theirs: 2,
      against: 'limit',
      unit,
      goal: '<= 2',
    }),
  ]
}
