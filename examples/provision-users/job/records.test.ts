import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LINE_LENGTH_MAX } from './lines.ts'
import { linesOf, recordsOf, seeded } from './test-support.ts'

const NOT_CLOSED = 'a quotation mark is opened and not closed'
const GOES_ON = 'a quoted field goes on after its closing quotation mark'
const STRAY = 'a quotation mark stands inside a field that is not quoted'
const TOO_LONG = `the line is longer than ${LINE_LENGTH_MAX} characters`
const fields = (found: number, needed: number) => `the row has ${found} fields, and ${needed} are needed`

/** Records as `line: fields` or `line! problem`. */
async function told(text: string, width: number): Promise<string[]> {
  const records = await recordsOf(text.split('\n'), width)
  return records.map((record) =>
    'fields' in record
      ? `${record.line}: ${JSON.stringify(record.fields)}`
      : `${record.line}! ${record.problem}`,
  )
}

describe('readRecords', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['plain fields', 'a,b', ['1: ["a","b"]']],
    ['empty fields', ',', ['1: ["",""]']],
    ['quoted fields', '"a","b"', ['1: ["a","b"]']],
    ['a quoted comma', '"a,b",c', ['1: ["a,b","c"]']],
    ['doubled quotation marks', '"say ""hi""",""""', ['1: ["say \\"hi\\"","\\""]']],
    ['empty quoted fields', '"",""', ['1: ["",""]']],
    ['spaces around fields', ' a , b ', ['1: [" a "," b "]']],
    ['a quoted line break', 'a,"b\nc"\nd,e', ['1: ["a","b\\nc"]', '3: ["d","e"]']],
    ['two quoted line breaks in one row', '"a\nb","c\nd"\ne,f', ['1: ["a\\nb","c\\nd"]', '4: ["e","f"]']],
    ['a quoted empty line', '"a\n\nb",c\nd,e', ['1: ["a\\n\\nb","c"]', '4: ["d","e"]']],
    ['empty and blank lines between rows', '\na,b\n\n  \t\nc,d\n', ['2: ["a","b"]', '5: ["c","d"]']],
    ['a row with too few fields', 'a,b\nc\nd,e', ['1: ["a","b"]', `2! ${fields(1, 2)}`, '3: ["d","e"]']],
    ['a row with too many fields', 'a,b\nc,d,e\nf,g', ['1: ["a","b"]', `2! ${fields(3, 2)}`, '3: ["f","g"]']],
    [
      'a quotation mark that is not closed',
      'a,"b\nc,d\ne,f',
      [`1! ${NOT_CLOSED}`, '2: ["c","d"]', '3: ["e","f"]'],
    ],
    ['one that is not closed in the last line', 'a,b\nc,"d', ['1: ["a","b"]', `2! ${NOT_CLOSED}`]],
    ['a quoted field that goes on', 'a,"b"x\nc,d', [`1! ${GOES_ON}`, '2: ["c","d"]']],
    ['a stray pair of quotation marks', 'a,b"c"\nd,e', [`1! ${STRAY}`, '2: ["d","e"]']],
    ['a single stray quotation mark', 'a,b"c\nd,e', [`1! ${STRAY}`, '2: ["d","e"]']],
    [
      'a mark that is not closed before a row with a quoted line break',
      'a,"b\nc,"d\ne"\nf,g',
      [`1! ${NOT_CLOSED}`, '2: ["c","d\\ne"]', '4: ["f","g"]'],
    ],
    [
      'a quoted line break with too many fields, which costs each of its lines',
      'a,b,"c\nd"\ne,f',
      [`1! ${NOT_CLOSED}`, `2! ${STRAY}`, '3: ["e","f"]'],
    ],
    ['a lone CR, which ends no row', 'a,b\rc,d\ne,f', [`1! ${fields(3, 2)}`, '2: ["e","f"]']],
    ['a quoted CR', '"a\rb",c', ['1: ["a\\rb","c"]']],
  ]
  for (const [what, text, records] of cases) {
    it(`reads ${what}`, async () => {
      assert.deepEqual(await told(text, 2), records)
    })
  }

  it('takes a row of any width until the width is known', async () => {
    assert.deepEqual(await told('a,b,c\nd', 0), ['1: ["a","b","c"]', '2: ["d"]'])
  })

  it('lets a quoted field stand in up to 20 lines, and no mark swallow more than one row', async () => {
    const row = (lines: number) => `a,"${Array.from({ length: lines }, (_, n) => `line ${n}`).join('\n')}"`
    const twenty = await told(`${row(20)}\nb,c`, 2)
    assert.equal(twenty.length, 2)
    assert.equal(twenty[1], '21: ["b","c"]')
    const more = await told(`${row(21)}\nb,c`, 2)
    assert.equal(more[0], `1! ${NOT_CLOSED}`)
    assert.equal(more.at(-1), '22: ["b","c"]')
    const open = ['a,"b', ...Array.from({ length: 100 }, (_, n) => `c,${n}`)].join('\n')
    const after = await told(open, 2)
    assert.equal(after[0], `1! ${NOT_CLOSED}`)
    assert.deepEqual(
      after.slice(1),
      Array.from({ length: 100 }, (_, n) => `${n + 2}: ["c","${n}"]`),
    )
  })

  it('rejects a line that is too long by its number, and reads on after it', async () => {
    const long = `a,${'x'.repeat(LINE_LENGTH_MAX - 1)}`
    assert.deepEqual(await told(`b,c\n${long}\nd,e`, 2), ['1: ["b","c"]', `2! ${TOO_LONG}`, '3: ["d","e"]'])
    const [fits] = await recordsOf([long.slice(0, -1)], 2)
    assert.ok(fits && 'fields' in fits && fits.fields[1]?.length === LINE_LENGTH_MAX - 2)
  })

  it('never takes a line that was cut for the rest of a row', async (t) => {
    const lines = await linesOf(t, `a,"b\nc",${'x'.repeat(LINE_LENGTH_MAX)}\nd,e,f`)
    const records = await recordsOf(lines, 3)
    assert.deepEqual(records, [
      { line: 1, problem: NOT_CLOSED },
      { line: 2, problem: TOO_LONG },
      { line: 3, fields: ['d', 'e', 'f'] },
    ])
  })
})

const ALPHABET = ['a', 'b', 'Å', '😀', ' ', ',', '"', '\n', "'", ';', '\t', '0']
const PLAIN = ['a', 'b', 'Å', '😀', ' ', "'", ';', '\t', '0']

/** A random field; a quoted one starts with a letter, as else a mark left open before it could be meant to close there. */
function randomField(random: (limit: number) => number): string {
  const length = random(9)
  const rest = Array.from({ length }, () => ALPHABET[random(ALPHABET.length)]).join('')
  return random(4) === 0 ? '' : `a${rest}`
}

const written = (field: string, quoted: boolean) =>
  quoted || /[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field

const plain = (random: (limit: number) => number) =>
  `a${Array.from({ length: random(6) }, () => PLAIN[random(PLAIN.length)]).join('')}`

/** Rows that are none, of 4 fields where they have a number of them. */
const BROKEN: readonly ((random: (limit: number) => number) => readonly [string, string])[] = [
  (random) => [[plain(random), plain(random)].join(','), fields(2, 4)],
  (random) => [Array.from({ length: 5 }, () => plain(random)).join(','), fields(5, 4)],
  (random) => [`${plain(random)},"${plain(random)},b,c`, NOT_CLOSED],
  (random) => [`a,b,"${plain(random)}"x,c`, GOES_ON],
  (random) => [`a,${plain(random)}"${plain(random)}",b,c`, STRAY],
  (random) => [`a,${plain(random)}"${plain(random)},b,c`, STRAY],
  () => [`a,b,c,${'x'.repeat(LINE_LENGTH_MAX)}`, TOO_LONG],
]

describe('any mix of well-formed rows', () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    it(`comes back exactly, and one broken row among them costs only itself (seed ${seed})`, async (t) => {
      const random = seeded(seed)
      const end = random(2) === 0 ? '\n' : '\r\n'
      const rows = Array.from({ length: 1 + random(40) }, () => [
        `E${random(1000)}`,
        ...Array.from({ length: 3 }, () => randomField(random)),
      ])
      const texts = rows.map((row) => row.map((field) => written(field, random(3) === 0)).join(','))
      const place = random(rows.length + 1)
      const [broken, problem] = BROKEN[seed % BROKEN.length]?.(random) ?? ['', '']
      const all = [...texts.slice(0, place), broken, ...texts.slice(place)]
      const file = all.join('\n').replaceAll('\n', end) + (random(2) === 0 ? end : '')

      let line = 1
      const expected = all.map((text, index) => {
        const first = line
        line += text.split('\n').length
        if (index === place) return { line: first, problem }
        return { line: first, fields: rows[index < place ? index : index - 1] }
      })
      assert.deepEqual(await recordsOf(await linesOf(t, file), 4), expected)
    })
  }
})
