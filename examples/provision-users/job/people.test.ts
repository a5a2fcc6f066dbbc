// The two passes over the people, on a real directory, with a crash at each moment that a checkpoint is saved.
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Cursor, defineDaemon, defineJob, type RunCost, runJob } from '@tomte/jobs'
import { type Platform, startPlatform } from '@tomte/platform'
import { operatorDirectory } from '../demo/operator.ts'
import { directoryPeople, temporaryFolder } from '../test-support.ts'
import type { ProvisionResult } from './counts.ts'
import { COLUMNS } from './person.ts'
import { provision } from './provision.ts'

type Row = Partial<Record<(typeof COLUMNS)[number], string>>

const csv = (rows: readonly Row[]) =>
  [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column] ?? ''))]
    .map((row) => `${row.join(',')}\n`)
    .join('')

const person = (employeeId: string, more: Row = {}): Row => ({
  employeeId,
  givenName: 'Åsa',
  surname: 'Berg',
  username: `u-${employeeId}`.replaceAll('_', ''),
  jobTitle: 'Planner',
  ...more,
})

class Crash extends Error {}

/** Decides before and after each save, counted from 1, whether the program dies there. */
type Crashes = (save: number, when: 'before' | 'after') => boolean

describe('provisioning people and managers', () => {
  let [folder, closing, platform] = ['', [] as (() => unknown)[], {} as Platform]
  before(async () => {
    folder = await temporaryFolder({ after: (close) => void closing.unshift(close as () => unknown) })
    platform = await startPlatform({ dataFolder: join(folder, 'platform'), port: 0 })
    closing.unshift(() => platform.close())
  })
  after(async () => {
    for (const close of closing) await close()
  })

  /** Runs the job in this process as the operator, dying where it is told to. */
  async function run(rows: readonly Row[], dataFolder: string, crashes: Crashes = () => false) {
    let saves = 0
    const dying = async (save: () => Promise<void>) => {
      saves += 1
      if (crashes(saves, 'before')) throw new Crash()
      await save()
      if (crashes(saves, 'after')) throw new Crash()
    }
    const job = defineJob({
      ...provision,
      run: (context: Parameters<typeof provision.run>[0]) =>
        provision.run({
          ...context,
          step: (name, work) =>
            context.step(name, (cursor: Cursor<never>) =>
              work({
                value: cursor.value,
                save: (value, entries) => dying(() => cursor.save(value as never, entries)),
              }),
            ),
        }),
    })
    const file = join(folder, 'people.csv')
    await writeFile(file, csv(rows))
    const outcome = await runJob(
      defineDaemon({ apis: { directory: () => operatorDirectory(platform) }, jobs: { provision: job } }),
      'provision',
      {
        input: { file },
        dataFolder,
        environment: {
          AZURE_TENANT_ID: platform.operator.tenantDomain,
          AZURE_CLIENT_ID: platform.operator.clientId,
          AZURE_CLIENT_CERTIFICATE_PATH: platform.operator.certificateFile,
        },
      },
    )
    return { result: outcome.result as ProvisionResult & RunCost, saves }
  }

  /** 23 people, so that there is a second batch; the second file has something of everything. */
  const monday = (prefix: string): Row[] =>
    Array.from({ length: 23 }, (_, n) =>
      person(`${prefix}-${n}`, n === 0 ? {} : { managerId: `${prefix}-0` }),
    )
  const tuesday = (prefix: string): Row[] => [
    ...monday(prefix).map((row, n) => {
      if (n % 7 === 1) return { ...row, jobTitle: 'Director' }
      if (n % 7 === 2) return { ...row, endDate: '2020-01-31' }
      if (n % 7 === 3) return { ...row, surname: '' }
      if (n % 7 === 4) return { ...row, managerId: `${prefix}-1` }
      if (n % 7 === 5) return { ...row, managerId: 'nobody' }
      return row
    }),
    person(`${prefix}-new1`, { managerId: `${prefix}-new2` }),
    person(`${prefix}-new2`),
    person(`${prefix}-new1`, { username: 'again' }),
  ]

  async function assertTuesday(
    prefix: string,
    { rejected, warnings, notInFile: _, ...counts }: ProvisionResult,
  ) {
    const { rows, created, updated, disabled, unchanged } = counts
    assert.deepEqual(
      { rows, created, updated, disabled, unchanged },
      { rows: 26, created: 2, updated: 4 + 3 + 3, disabled: 3, unchanged: 10 },
    )
    assert.deepEqual(rejected, [
      ...[3, 10, 17].map((n) => ({ line: n + 2, reason: 'the surname is missing' })),
      { line: 27, reason: `employee id ${prefix}-new1 stands in line 25 already` },
    ])
    assert.deepEqual(
      warnings,
      [5, 12, 19].map((n) => ({
        line: n + 2,
        reason: 'manager nobody is neither in the file nor in the directory: provisioned without',
      })),
    )
    const people = await directoryPeople(platform)
    const ids = people.map(({ employeeId }) => String(employeeId)).filter((id) => id.startsWith(`${prefix}-`))
    assert.deepEqual([ids.length, new Set(ids).size], [25, 25])
  }

  it('does what the file says when nothing goes wrong', async (t) => {
    const data = await temporaryFolder(t)
    const first = await run(monday('plain'), data)
    assert.deepEqual([first.result.created, first.result.rejected, first.result.warnings], [23, [], []])
    await assertTuesday('plain', (await run(tuesday('plain'), data)).result)
  })

  // A batch that writes saves what it intends and then what it did: twice for each batch of either pass.
  for (let save = 1; save <= 8; save += 1) {
    for (const when of ['before', 'after'] as const) {
      it(`counts the same, and does nothing twice, after a crash ${when} save ${save}`, async (t) => {
        const data = await temporaryFolder(t)
        const prefix = `c${save}${when.slice(0, 1)}`
        await run(monday(prefix), data)
        await assert.rejects(
          run(tuesday(prefix), data, (at, side) => at === save && side === when),
          Crash,
        )
        await assertTuesday(prefix, (await run(tuesday(prefix), data)).result)
      })
    }
  }

  it('counts the same when it crashes at every other save until it is done', async (t) => {
    const data = await temporaryFolder(t)
    await run(monday('often'), data)
    let crashes = 0
    for (;;) {
      try {
        const { result } = await run(
          tuesday('often'),
          data,
          (at, side) => at === 2 && side === (crashes % 2 ? 'before' : 'after'),
        )
        await assertTuesday('often', result)
        break
      } catch (error) {
        if (!(error instanceof Crash)) throw error
        crashes += 1
        assert.ok(crashes < 50)
      }
    }
    assert.ok(crashes >= 4, `only ${crashes} crashes`)
  })

  it('saw to it that there are no more moments than those tried', async (t) => {
    const data = await temporaryFolder(t)
    await run(monday('all'), data)
    assert.equal((await run(tuesday('all'), data)).saves, 8)
  })

  it('takes any text for an employee id, even the name of what every object has', async (t) => {
    const data = await temporaryFolder(t)
    const odd = ['constructor', '__proto__', "o'hara", '100%', 'a&b=c', 'E 1', 'Ünïcode', '+49']
    const rows = odd.map((id, n) =>
      person(id, { username: `odd${n}`, managerId: odd[(n + 1) % odd.length] ?? '' }),
    )
    const first = (await run(rows, data)).result
    assert.deepEqual([first.rows, first.created, first.rejected, first.warnings], [8, 8, [], []])
    const second = (await run(rows, data)).result
    assert.deepEqual(
      [second.rows, second.created, second.updated, second.disabled, second.unchanged, second.rejected],
      [8, 0, 0, 0, 8, []],
    )
    const changed = rows.map((row) => ({ ...row, jobTitle: 'Director' }))
    const third = (await run(changed, data)).result
    assert.deepEqual([third.rows, third.updated, third.unchanged, third.warnings], [8, 8, 0, []])
  })

  it('takes employee ids that differ in case or composition alone for the same', async (t) => {
    const data = await temporaryFolder(t)
    const rows = [person('CASE-é', { username: 'case1' }), person('case-e\u{301}', { username: 'case2' })]
    const { result } = await run(rows, data)
    assert.deepEqual(
      [result.created, result.rejected],
      [1, [{ line: 3, reason: 'employee id case-e\u{301} stands in line 2 already' }]],
    )
    const again = await run([person('Case-e\u{301}', { username: 'case1', managerId: 'CASE-É' })], data)
    assert.deepEqual([again.result.created, again.result.unchanged], [0, 1])
    await rm(data, { recursive: true })
  })
})
