import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { appendFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { openPeopleFile } from './people-file.ts'
import { COLUMNS } from './person.ts'
import { collected, fileOf } from './test-support.ts'

const HEADER = COLUMNS.join(',')
const row = (id: string) => `${id},Åsa,Berg,asa.${id},Planner,,,,,`
const NEEDED = `as its first line must name the columns ${COLUMNS.join(', ')}, with people below`

async function opened(t: TestContext, content: string) {
  const path = await fileOf(t, content)
  const file = await openPeopleFile(path)
  t.after(() => file.close())
  return { path, file }
}

async function idsOf(
  rows: AsyncIterable<{ readonly line: number; readonly employeeId: string }>,
): Promise<string[]> {
  return (await collected(rows)).map(({ line, employeeId }) => `${line} ${employeeId}`)
}

describe('openPeopleFile', () => {
  it('counts the rows, rejected ones too, and tells files apart by their hash', async (t) => {
    const content = `${HEADER}\n${row('E1')}\n\nbroken\n${row('E2')}\n`
    const { file } = await opened(t, content)
    assert.equal(file.rows, 3)
    assert.equal(file.sha256, createHash('sha256').update(content).digest('hex'))
  })

  it('reads the rows again from any of them, as often as it is asked', async (t) => {
    const { file } = await opened(t, `${HEADER}\r\n${row('E1')}\r\nbroken\r\n${row('E2')}\r\n${row('E3')}`)
    assert.deepEqual(await idsOf(file.people(0)), ['2 E1', '3 ', '4 E2', '5 E3'])
    assert.deepEqual(await idsOf(file.people(1)), ['3 ', '4 E2', '5 E3'])
    assert.deepEqual(await idsOf(file.people(3)), ['5 E3'])
    assert.deepEqual(await idsOf(file.people(4)), [])
    assert.deepEqual(await idsOf(file.people(99)), [])
    assert.deepEqual(await idsOf(file.people(0)), ['2 E1', '3 ', '4 E2', '5 E3'])
  })

  it('takes the columns in any order, quoted, with spaces, after a byte order mark', async (t) => {
    const reversed = [...COLUMNS].reverse()
    const header = reversed.map((column) => ` "${column}"`.trim()).join(',')
    const values = ['', '', '', '', '', '', 'asa', 'Berg', 'Åsa', 'E1'].join(',')
    const { file } = await opened(t, `\u{feff}${header}\n${values}\n`)
    const [person] = await collected(file.people(0))
    assert.deepEqual(person, {
      line: 2,
      employeeId: 'E1',
      givenName: 'Åsa',
      surname: 'Berg',
      username: 'asa',
      jobTitle: '',
      department: '',
      officeLocation: '',
      managerId: '',
      startDate: '',
      endDate: '',
    })
  })

  const unfit: readonly (readonly [string, string, string])[] = [
    ['is empty', '', 'it is empty'],
    ['holds empty lines alone', '\n\n \r\n', 'it is empty'],
    ['holds a header alone', `${HEADER}\n`, 'it is empty below its header'],
    ['has no header', `${row('E1')}\n`, "its first line is no header but 'E1,Åsa,Berg,asa.E1,Planner,,,,,'"],
    ['has a broken header', `"${HEADER}\n${row('E1')}\n`, "its first line is no header but ''"],
    [
      'has a long first line that is no header',
      `${'x'.repeat(200)}\n`,
      `its first line is no header but '${'x'.repeat(80)}'`,
    ],
    [
      'separates with semicolons',
      `${COLUMNS.join(';')}\n`,
      `its first line is no header but '${COLUMNS.join(';').slice(0, 80)}'`,
    ],
    [
      'ends its lines with CR alone',
      `${HEADER}\r${row('E1')}\r`,
      `it has the unknown column 'endDate\rE1', `,
    ],
    ['has unknown columns', `${HEADER},a,b\n${row('E1')},,\n`, "it has the unknown column 'a', 'b'"],
    [
      'spells a column in other case',
      `${HEADER.replace('surname', 'Surname')}\n`,
      "it has the unknown column 'Surname'",
    ],
    [
      'has a column too few',
      `${COLUMNS.slice(1, -1).join(',')}\nx\n`,
      'it lacks the column employeeId, endDate',
    ],
    ['names a column twice', `${HEADER},surname\n${row('E1')},x\n`, 'a column stands there twice'],
  ]
  for (const [how, content, found] of unfit) {
    it(`refuses a file that ${how}`, async (t) => {
      const path = await fileOf(t, content)
      await assert.rejects(openPeopleFile(path), (error: Error & { code?: string; hint?: string }) => {
        assert.deepEqual(
          [error.name, error.code, error.hint],
          ['JobError', 'people_file_unfit', 'Export it again with these columns; nothing has been changed'],
        )
        const message = `Cannot read the people in '${path}', ${NEEDED}: ${found}`
        // A list of all that is unknown may follow.
        assert.equal(found.endsWith(', ') ? error.message.slice(0, message.length) : error.message, message)
        return true
      })
    })
  }

  it('refuses a file that is not there, and a folder', async (t) => {
    const path = await fileOf(t, '')
    const unreadable = (file: string, found: string) => ({
      name: 'JobError',
      code: 'people_file_unreadable',
      message: `Cannot read the people in '${file}', as a CSV file is needed there: ${found}`,
      hint: 'Give the path of the HR export as file=PATH',
    })
    const folder = join(path, '..')
    await assert.rejects(openPeopleFile(folder), unreadable(folder, 'it is not a file'))
    await rm(path)
    await assert.rejects(openPeopleFile(path), unreadable(path, 'there is no such file'))
    const below = join(folder, 'x\0y')
    await assert.rejects(openPeopleFile(below), { code: 'people_file_unreadable' })
  })

  const changes: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    ['has grown', (path) => appendFile(path, `${row('E9')}\n`)],
    [
      'was written again with the same length',
      async (path) => {
        await writeFile(path, `${HEADER}\n${row('E1')}\n${row('E8')}\n`)
        await utimes(path, new Date(0), new Date(0))
      },
    ],
  ]
  for (const [how, change] of changes) {
    it(`ends with people_file_changed when the file ${how} while it is read`, async (t) => {
      const { path, file } = await opened(t, `${HEADER}\n${row('E1')}\n${row('E2')}\n`)
      await change(path)
      await assert.rejects(idsOf(file.people(0)), {
        name: 'JobError',
        code: 'people_file_changed',
        message: `Cannot finish with '${path}', as it must stay the same while it is read: it was changed`,
        hint: 'Run again: the changed file is read from its beginning',
      })
    })
  }

  it('goes on reading the file it has opened when another is put in its place', async (t) => {
    const { path, file } = await opened(t, `${HEADER}\n${row('E1')}\n`)
    const other = await fileOf(t, `${HEADER}\n${row('E2')}\n`)
    await rename(other, path)
    assert.deepEqual(await idsOf(file.people(0)), ['2 E1'])
  })
})
