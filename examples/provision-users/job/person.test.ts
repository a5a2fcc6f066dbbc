import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { COLUMNS, hasLeft, type Person, readPerson } from './person.ts'

const FIELDS: Readonly<Record<(typeof COLUMNS)[number], string>> = {
  employeeId: 'E1',
  givenName: 'Åsa',
  surname: "O'Hara",
  username: 'asa.ohara',
  jobTitle: 'Planner',
  department: 'Operations',
  officeLocation: 'Malmö',
  managerId: 'E2',
  startDate: '2024-01-31',
  endDate: '2025-12-31',
}

/** The reason for rejecting a row with these fields, or undefined. */
function refusal(changes: Partial<typeof FIELDS>): string | undefined {
  const read = readPerson(7, { ...FIELDS, ...changes })
  return 'reason' in read ? read.reason : undefined
}

describe('readPerson', () => {
  it('reads every column, with its line', () => {
    assert.deepEqual(readPerson(7, FIELDS), { line: 7, ...FIELDS })
  })

  it('leaves out the spaces around every field', () => {
    const spaced = Object.fromEntries(
      Object.entries(FIELDS).map(([name, value]) => [name, ` \t${value}\u{a0} `]),
    )
    assert.deepEqual(readPerson(7, spaced), { line: 7, ...FIELDS })
  })

  const limits: readonly (readonly [keyof typeof FIELDS, number, string, boolean])[] = [
    ['employeeId', 16, 'employee id', true],
    ['givenName', 64, 'given name', true],
    ['surname', 64, 'surname', true],
    ['username', 64, 'username', true],
    ['jobTitle', 128, 'job title', false],
    ['department', 64, 'department', false],
    ['officeLocation', 128, 'office location', false],
    ['managerId', 16, "manager's employee id", false],
  ]
  for (const [column, max, name, needed] of limits) {
    it(`takes up to ${max} characters for the ${name}${needed ? ', and needs one' : ' or none at all'}`, () => {
      assert.equal(refusal({ [column]: 'x'.repeat(max) }), undefined)
      assert.equal(refusal({ [column]: ` ${'x'.repeat(max)} ` }), undefined)
      assert.equal(refusal({ [column]: 'x'.repeat(max + 1) }), `the ${name} is longer than ${max} characters`)
      for (const empty of ['', '  \t ']) {
        const reason = refusal({ [column]: empty })
        if (needed) assert.ok(reason?.startsWith(`the ${name} is missing`), reason)
        else assert.equal(reason, undefined)
      }
    })
  }

  it('takes letters, digits, dots and hyphens for a username', () => {
    const wrong = 'the username holds more than letters, digits, dots and hyphens'
    for (const good of ['a', '7', 'asa.ohara', 'asa-ohara', 'asa_ohara', 'A.B-C_9', 'a..', 'x'.repeat(64)])
      assert.equal(refusal({ username: good }), undefined, good)
    for (const bad of ['åsa', '.asa', '-asa', '_asa', 'a b', 'a@b', 'a/b', "a'b", 'a\nb', 'ａ', 'a\u{200b}'])
      assert.equal(refusal({ username: bad }), wrong, bad)
  })

  for (const [column, name] of [
    ['startDate', 'start date'],
    ['endDate', 'end date'],
  ] as const) {
    it(`takes a day that there is for the ${name}, or none at all`, () => {
      const days = [
        '',
        ' ',
        '2024-02-29',
        '2026-02-28',
        '2000-02-29',
        '1999-12-31',
        '0001-01-01',
        '9999-12-31',
        ' 2024-02-29 ',
      ]
      for (const day of days) assert.equal(refusal({ [column]: day }), undefined, day)
      const others = [
        '2026-02-29',
        '1900-02-29',
        '2026-02-30',
        '2026-04-31',
        '2026-13-01',
        '2026-00-01',
        '2026-01-00',
        '2026-01-32',
        '31/01/2026',
        '01.02.2026',
        '2026-1-31',
        '26-01-31',
        '20260131',
        '2026-01-31T00:00:00Z',
        '2026-01-31 x',
        '+02026-01-31',
        '-2026-01-31',
        '２０２６-01-31',
        'tomorrow',
        '-',
      ]
      for (const other of others)
        assert.equal(refusal({ [column]: other }), `the ${name} is not a date of the form 2026-01-31`, other)
    })
  }

  it('keeps the employee id of a rejected row, and names every reason once', () => {
    const read = readPerson(9, { ...FIELDS, employeeId: ' E9 ', givenName: '', surname: '', endDate: 'x' })
    assert.deepEqual(read, {
      line: 9,
      employeeId: 'E9',
      reason:
        'the given name is missing; the surname is missing; the end date is not a date of the form 2026-01-31',
    })
  })
})

describe('hasLeft', () => {
  const lastDay = (endDate: string): Person => ({ line: 1, ...FIELDS, endDate })
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['2025-12-31', '2025-12-30T23:59:59.999Z', false],
    ['2025-12-31', '2025-12-31T00:00:00.000Z', false],
    ['2025-12-31', '2025-12-31T23:59:59.999Z', false],
    ['2025-12-31', '2026-01-01T00:00:00.000Z', true],
    ['2024-02-29', '2024-02-29T23:59:59.999Z', false],
    ['2024-02-29', '2024-03-01T00:00:00.000Z', true],
    ['0999-12-31', '2026-01-01T00:00:00.000Z', true],
    ['9999-12-31', '2026-01-01T00:00:00.000Z', false],
    ['', '2026-01-01T00:00:00.000Z', false],
  ]
  for (const [endDate, now, left] of cases) {
    it(`is ${left} at ${now} for ${endDate === '' ? 'no end date' : `the last day ${endDate}`}`, () => {
      assert.equal(hasLeft(lastDay(endDate), Date.parse(now)), left)
    })
  }
})
