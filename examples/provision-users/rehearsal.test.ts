import assert from 'node:assert/strict'
import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { COLUMNS } from './job/person.ts'
import { directoryPeople, platformWithDaemon } from './test-support.ts'

const row = (id: string, jobTitle: string, endDate = '', managerId = '') =>
  `${id},Åsa,Berg,asa.${id},${jobTitle},,,${managerId},,${endDate}`
const csv = (...rows: readonly string[]) => `${[COLUMNS.join(','), ...rows].join('\n')}\n`

interface RehearsalDocument {
  readonly counts: object
  readonly changes: readonly {
    readonly effect: string
    readonly fields: Readonly<Record<string, object>>
  }[]
  readonly limit: object
}

describe('the provisioning job in rehearsal', () => {
  it('says what it would do with which fields, does nothing, and is stopped by its limit before it disables anybody', async (t) => {
    const { folder, platform, provision } = await platformWithDaemon(t)
    const file = join(folder, 'people.csv')
    await writeFile(file, csv(row('E1', 'Planner'), row('E2', 'Planner'), row('E3', 'Planner')))

    const empty = await provision([`file=${file}`, '--dry-run'])
    assert.equal(empty.code, 0, empty.stderr)
    assert.partialDeepStrictEqual(JSON.parse(empty.stdout), {
      counts: { created: 3, updated: 0, disabled: 0 },
    })
    assert.deepEqual(await directoryPeople(platform), [])
    await assert.rejects(access(join(folder, 'daemon', 'jobs.db')), { code: 'ENOENT' })

    assert.equal((await provision([`file=${file}`])).code, 0)
    const before = await directoryPeople(platform)
    await writeFile(
      file,
      csv(
        row('E1', 'Head'),
        row('E2', 'Planner', '2020-01-31'),
        row('E3', 'Planner', '', 'E1'),
        row('E4', 'New'),
      ),
    )
    const ended = await provision([`file=${file}`, '--dry-run'])
    const { counts, changes, limit } = JSON.parse(ended.stdout) as RehearsalDocument
    assert.deepEqual(counts, { created: 1, updated: 2, disabled: 1, deleted: 0 })
    assert.deepEqual(limit, { found: 1, of: 3, allowed: 5 })
    const fields = (effect: string) =>
      changes.filter((change) => change.effect === effect).map((change) => change.fields)
    assert.deepEqual(fields('disabled'), [{ accountEnabled: { before: true, after: false } }])
    assert.partialDeepStrictEqual(fields('updated'), [
      { jobTitle: { before: 'Planner', after: 'Head' } },
      { manager: {} },
    ])
    assert.partialDeepStrictEqual(fields('created'), [
      { employeeId: { after: 'E4' }, passwordProfile: { after: '[secret]' } },
    ])
    // What every first password ends with.
    assert.doesNotMatch(ended.stdout + ended.stderr, /aA1-/)
    assert.deepEqual(await directoryPeople(platform), before)

    const people = Array.from({ length: 12 }, (_, index) => `P${index + 1}`)
    await writeFile(file, csv(...people.map((id) => row(id, 'Planner'))))
    assert.equal((await provision([`file=${file}`])).code, 0)
    await writeFile(file, csv(...people.map((id) => row(id, 'Planner', '2020-01-31'))))
    const refused = await provision([`file=${file}`])
    assert.equal(refused.code, 1)
    assert.deepEqual(JSON.parse(refused.stdout), {
      error: {
        code: 'change_limit_exceeded',
        message:
          "Cannot disable or delete 12 of 15 in one run of 'provision', as at most 5 may be: nothing has been changed",
        hint: 'Look at them with tomte run provision --dry-run; if they are meant, say --beyond-limit, or TOMTE_BEYOND_LIMIT=provision to a daemon',
      },
    })
    const enabled = async () =>
      (await directoryPeople(platform)).filter(({ accountEnabled }) => accountEnabled).length
    assert.equal(await enabled(), 15)
    const meant = await provision([`file=${file}`, '--beyond-limit'])
    assert.equal(meant.code, 0, meant.stderr)
    assert.equal(await enabled(), 3)
  })
})
