import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { parse } from 'csv-parse/sync'
import { DEPARTMENTS } from './departments.ts'
import { type DirectoryPerson, existingPeople } from './directory.ts'
import { PEOPLE_CSV, peopleCsv } from './generate.ts'
import { ORIGINS } from './names.ts'
import { company, SEED, UNKNOWN_MANAGER } from './population.ts'
import { COLUMNS } from '../job/person.ts'
import { asciiFold } from './usernames.ts'

type Row = Record<(typeof COLUMNS)[number], string>

const made = company(SEED)
const text = readFileSync(PEOPLE_CSV, 'utf8')
const [header, ...records]: string[][] = parse(text, { bom: true, relax_column_count: true })
const TODAY = '2026-07-01'
const PROFILE = ['surname', 'jobTitle', 'department', 'officeLocation'] as const

// What follows is found in the file and in the directory alone, never in what the generator says of a person.
const complete = records.filter((fields) => fields.length === COLUMNS.length).map(toRow)
const valid = validRows()
const byId = new Map(valid.map((row) => [row.employeeId, row]))
const directory = existingPeople(made)
const accounts = new Map(directory.flatMap((one) => (one.employeeId ? [[one.employeeId, one] as const] : [])))
const leavers = valid.filter(({ endDate }) => endDate !== '' && endDate < TODAY)
const staying = valid.filter((row) => !leavers.includes(row))
const joiners = staying.filter(({ employeeId }) => !accounts.has(employeeId))
const known = staying.flatMap((row) => {
  const account = accounts.get(row.employeeId)
  return account ? [{ row, account, changed: PROFILE.filter((field) => row[field] !== account[field]) }] : []
})
const movers = known.filter(({ changed }) => changed.length > 0)
const unchanged = known.filter(({ changed }) => changed.length === 0)

suite('The export', () => {
  test('is what the generator makes of its seed, byte for byte', () => {
    assert.deepEqual(readFileSync(PEOPLE_CSV), Buffer.from(peopleCsv(made)))
    assert.equal(peopleCsv(company(SEED)), peopleCsv(made))
  })

  test('has other people but the same numbers with another seed', () => {
    const other = company(SEED + 1)
    assert.notEqual(peopleCsv(other), peopleCsv(made))
    const { managerChanges: _, updated: __, untouched: ___, ...numbers } = made.expected
    assert.partialDeepStrictEqual(other.expected, numbers)
  })

  test('has a byte order mark, a header, 1,000 data rows, and CRLF after the last one', () => {
    assert.ok(text.startsWith('\uFEFFemployeeId,'))
    assert.ok(text.endsWith('\r\n'))
    assert.deepEqual(header, [...COLUMNS])
    assert.equal(records.length, 1000)
    assert.equal(made.expected.rows, 1000)
  })

  test('has twelve bad rows of five sorts', () => {
    const ids = records.map(([employeeId]) => employeeId)
    const noSurname = complete.filter(({ surname }) => surname === '')
    const cut = records.filter((fields) => fields.length < COLUMNS.length)
    assert.equal(noSurname.length, 3)
    assert.deepEqual(new Set(cut.map((fields) => fields.length)), new Set([3, 4]))
    assert.equal(cut.length, 2)
    for (const [id] of [...noSurname.map(({ employeeId }) => [employeeId]), ...cut]) {
      assert.equal(ids.filter((other) => other === id).length, 1)
      assert.ok(!accounts.has(id ?? ''))
    }
    assert.deepEqual(
      complete.map(({ startDate }) => startDate).filter((date) => !isDate(date)),
      ['31/02/2025'],
    )
    assert.equal(ids.filter((id) => id === '').length, 1)
    assert.equal(records.length - valid.length, 12)
    const bad = { duplicate: 5, noSurname: 3, tooFewFields: 2, badDate: 1, noId: 1, all: 12 }
    assert.deepEqual(made.expected.bad, bad)
  })

  test('repeats five employees further down, two with the same data and three with other data', () => {
    const repeats = complete.filter((row) => byId.has(row.employeeId) && byId.get(row.employeeId) !== row)
    const identical = repeats.filter((row) =>
      COLUMNS.every((column) => row[column] === byId.get(row.employeeId)?.[column]),
    )
    assert.equal(repeats.length, 5)
    assert.equal(identical.length, 2)
    for (const row of repeats) assert.ok(complete.indexOf(byId.get(row.employeeId)!) < complete.indexOf(row))
  })

  test('has quoted commas, one doubled quote and one line break inside a field', () => {
    assert.ok(text.includes('"Director, Nordic Operations"'))
    assert.ok(valid.filter(({ jobTitle }) => jobTitle.includes(',')).length >= 5)
    assert.equal(records.flat().filter((field) => field.includes('"')).length, 1)
    assert.ok(text.includes('"Product Owner ""Atlas"""'))
    assert.deepEqual(
      records.flat().filter((field) => /[\r\n]/.test(field)),
      ['Malmö\nHyllie, Gate 4'],
    )
  })

  test('has blanks around two fields', () => {
    assert.equal(records.flat().filter((field) => field !== field.trim()).length, 2)
  })

  test('has one decomposed given name and one decomposed surname, and composes everything else', () => {
    const decomposed = (field: 'givenName' | 'surname') =>
      valid.filter((row) => row[field] !== row[field].normalize('NFC'))
    assert.equal(decomposed('givenName').length, 1)
    assert.equal(decomposed('surname').length, 1)
    assert.equal(records.flat().filter((field) => field !== field.normalize('NFC')).length, 2)
    const words = ORIGINS.flatMap(({ givenNames, surnames, offices }) => [
      ...givenNames,
      ...surnames,
      ...offices,
    ])
    for (const word of words) assert.equal(word, word.normalize('NFC'))
  })

  test('has fifteen people whose last day is far ahead, and none whose last day is near', () => {
    const ends = staying.map(({ endDate }) => endDate).filter((date) => date !== '')
    assert.equal(ends.length, 15)
    assert.ok(ends.every((date) => date >= '2031-01-01'))
    assert.ok(leavers.every(({ endDate, startDate }) => endDate >= '2023-01-01' && endDate > startDate))
  })
})

suite('The managers of the export', () => {
  const head = staying.find(({ jobTitle }) => jobTitle === 'Chief Executive Officer')!

  test('form one tree, at least four levels deep and about eight reports wide', () => {
    const levels = staying.map((row) => level(row, head)).filter((found) => found !== undefined)
    // Four have no manager, and one has a manager nobody knows.
    assert.equal(levels.length, staying.length - 5)
    assert.ok(Math.max(...levels) >= 4)
    const managers = new Set(staying.map(({ managerId }) => managerId).filter((id) => byId.has(id)))
    const width = (staying.length - 6) / managers.size
    assert.ok(width > 7 && width < 9, `found ${width} reports on average`)
  })

  test('are missing in four rows beside the head, and unknown in one', () => {
    assert.equal(head.managerId, '')
    assert.equal(valid.filter((row) => row !== head && row.managerId === '').length, 4)
    assert.equal(valid.filter(({ managerId }) => managerId === UNKNOWN_MANAGER).length, 1)
    assert.equal(complete.filter(({ managerId }) => managerId !== '' && !byId.has(managerId)).length, 1)
  })

  test('come later in the file for at least forty rows', () => {
    const position = new Map(valid.map(({ employeeId }, index) => [employeeId, index]))
    const later = valid.filter(({ managerId }, index) => (position.get(managerId) ?? -1) > index)
    assert.ok(later.length >= 40, `found ${later.length}`)
  })

  test('stay with the company, but for one leaver with two reports', () => {
    const ids = new Set(leavers.map(({ employeeId }) => employeeId))
    const reports = valid.filter(({ managerId }) => ids.has(managerId))
    assert.equal(reports.length, 2)
    assert.equal(new Set(reports.map(({ managerId }) => managerId)).size, 1)
  })

  test('change for as many people as the company expects', () => {
    const hasAccount = new Set([...accounts.keys(), ...joiners.map(({ employeeId }) => employeeId)])
    const changes = (rows: { row: Row; account?: DirectoryPerson }[]) =>
      rows.filter(({ row, account }) => hasAccount.has(row.managerId) && row.managerId !== account?.managerId)
        .length
    const counts = {
      joiners: changes(joiners.map((row) => ({ row }))),
      movers: changes(movers),
      unchanged: changes(unchanged),
    }
    const all = counts.joiners + counts.movers + counts.unchanged
    assert.deepEqual(made.expected.managerChanges, { ...counts, all })
    assert.equal(made.expected.updated, movers.length + counts.unchanged)
    assert.equal(made.expected.untouched, unchanged.length - counts.unchanged)
    const wrong = unchanged.filter(
      ({ row, account }) => account.managerId && account.managerId !== row.managerId,
    )
    assert.equal(wrong.length, 10)
  })
})

suite('User names', () => {
  test('are ASCII, made of the name, and never shared by two employees or accounts', () => {
    const owners = new Map<string, string>()
    const claims = complete.map(({ username, employeeId }) => ({ username, owner: employeeId || 'nobody' }))
    const held = directory.map(({ userName, employeeId }) => ({
      username: userName,
      owner: employeeId ?? userName,
    }))
    for (const { username, owner } of [...claims, ...held]) {
      assert.match(username, /^[a-z0-9]+([.-][a-z0-9]+)+$|^servicedesk$/)
      assert.equal(owners.get(username) ?? owner, owner, `${username} has two owners`)
      owners.set(username, owner)
    }
    for (const { username, givenName, surname, employeeId } of valid) {
      const born = accounts.get(employeeId)?.surname ?? surname
      assert.equal(username.replace(/\d+$/, ''), `${asciiFold(givenName)}.${asciiFold(born)}`)
    }
  })

  test('fold letters that have no accent to take away', () => {
    assert.equal(asciiFold('Þórsdóttir'), 'thorsdottir')
    assert.equal(asciiFold('Łukasz'), 'lukasz')
    assert.equal(asciiFold('van der Berg'), 'vanderberg')
    assert.equal(asciiFold('Müller-Lüdenscheidt'), 'muller-ludenscheidt')
    assert.equal(asciiFold("İpek Işıl Nguyễn O'Connor Weiß Sæther"), 'ipekisilnguyenoconnorweisssaether')
  })
})

suite('The directory before the import', () => {
  test('agrees with the file in the numbers of joiners, movers, leavers and the rest', () => {
    assert.deepEqual([valid.length, joiners.length, movers.length, unchanged.length], [988, 290, 80, 588])
    const { expected } = made
    assert.deepEqual(
      [expected.valid, expected.joiners, expected.movers, expected.unchanged],
      [988, 290, 80, 588],
    )
    const left = leavers.filter(({ employeeId }) => accounts.has(employeeId)).length
    assert.deepEqual(
      { inDirectory: left, notInDirectory: leavers.length - left, all: leavers.length },
      expected.leavers,
    )
    assert.deepEqual(expected.leavers, { inDirectory: 25, notInDirectory: 5, all: 30 })
    assert.deepEqual(expected.directory, {
      before: directory.length,
      notInFile: 18,
      after: directory.length + 290,
    })
  })

  test('differs from the file in one to three fields of each mover, each field for someone', () => {
    assert.ok(movers.every(({ changed }) => changed.length <= 3))
    assert.deepEqual(new Set(movers.flatMap(({ changed }) => changed)), new Set(PROFILE))
    for (const length of [1, 2, 3]) assert.ok(movers.some(({ changed }) => changed.length === length))
  })

  test('has the given names and user names of the file, and display names made of its own', () => {
    for (const { row, account } of known) {
      assert.deepEqual([account.givenName, account.userName], [row.givenName, row.username])
    }
    for (const one of directory) assert.equal(one.displayName, `${one.givenName} ${one.surname}`)
    assert.ok(directory.every(({ accountEnabled }) => accountEnabled))
  })

  test('has the manager of the file wherever it has an account for that manager', () => {
    for (const { row, account } of known) {
      if (!accounts.has(row.managerId)) assert.equal(account.managerId, undefined)
      else if (account.managerId !== row.managerId) assert.ok(accounts.has(account.managerId ?? ''))
    }
    for (const { managerId } of directory) assert.ok(managerId === undefined || accounts.has(managerId))
  })

  test('has eighteen accounts that the file does not name, three of them without an id', () => {
    const named = new Set(records.map(([employeeId]) => employeeId))
    const strangers = directory.filter(({ employeeId }) => !employeeId || !named.has(employeeId))
    assert.equal(strangers.length, 18)
    assert.equal(strangers.filter(({ employeeId }) => !employeeId).length, 3)
    assert.ok(strangers.every(({ managerId }) => managerId === undefined))
    const departments = new Set(DEPARTMENTS.map(({ name }) => name))
    assert.ok(strangers.every(({ department }) => departments.has(department)))
  })
})

function toRow(fields: string[]): Row {
  return Object.fromEntries(COLUMNS.map((column, index) => [column, fields[index]?.trim()])) as Row
}

function validRows(): Row[] {
  const seen = new Set<string>()
  return complete.filter(({ employeeId, surname, startDate }) => {
    const good = /^E\d{5}$/.test(employeeId) && surname !== '' && isDate(startDate) && !seen.has(employeeId)
    seen.add(employeeId)
    return good
  })
}

function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))
}

/** How far below the head someone stands, or `undefined` if the chain of managers never reaches the head. */
function level(row: Row, head: Row): number | undefined {
  let steps = 0
  for (let one: Row | undefined = row; one && steps < 20; one = byId.get(one.managerId), steps++) {
    if (one === head) return steps
  }
  return undefined
}
