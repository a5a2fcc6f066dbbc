import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LINE_LENGTH_MAX } from './lines.ts'
import { linesOf } from './test-support.ts'

// A file is read in chunks of this size.
const CHUNK = 65_536
const BOM = '\u{feff}'

describe('readLines', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['nothing', '', []],
    ['one line without an end', 'a', ['a']],
    ['one line with an end', 'a\n', ['a']],
    ['CRLF', 'a\r\nb\r\n', ['a', 'b']],
    ['CRLF without the last LF', 'a\r\nb\r', ['a', 'b']],
    ['mixed ends', 'a\nb\r\nc', ['a', 'b', 'c']],
    ['empty lines', '\n\r\n\na\n\n', ['', '', '', 'a', '']],
    ['a lone CR inside a line', 'a\rb\n', ['a\rb']],
    ['two CR at the end of a line', 'a\r\r\n', ['a\r']],
    ['a byte order mark', `${BOM}a\nb`, ['a', 'b']],
    ['a byte order mark and nothing else', BOM, []],
    ['line separators of Unicode', 'a\u{2028}b\u{85}c\n', ['a\u{2028}b\u{85}c']],
    ['tabs and spaces', ' \ta \n', [' \ta ']],
  ]
  for (const [what, text, lines] of cases) {
    it(`reads ${what}`, async (t) => {
      assert.deepEqual(await linesOf(t, text), lines)
    })
  }

  for (const character of ['é', '€', '😀']) {
    const bytes = Buffer.byteLength(character)
    for (let before = 1; before < bytes; before += 1) {
      it(`reads ${character} whole when a chunk ends after ${before} of its ${bytes} bytes`, async (t) => {
        const start = 'x'.repeat(1000)
        const filler = `${start}\n`.repeat(70).slice(0, CHUNK - before)
        const lines = await linesOf(t, `${filler}${character}end\nlast`)
        assert.equal(lines.at(-1), 'last')
        assert.ok(lines.at(-2)?.endsWith(`${character}end`))
        assert.equal(lines.join('\n'), `${filler}${character}end\nlast`)
      })
    }
  }

  it('reads CR and LF as one end when a chunk ends between them', async (t) => {
    const filler = `${'x'.repeat(99)}\n`.repeat(700).slice(0, CHUNK - 2)
    assert.deepEqual((await linesOf(t, `${filler}y\r\nz`)).slice(-2), [`${filler.split('\n').at(-1)}y`, 'z'])
  })

  it('cuts a line that is too long, so that it can be told from one that fits, and reads on after it', async (t) => {
    const full = 'x'.repeat(LINE_LENGTH_MAX)
    const cut = LINE_LENGTH_MAX + 2
    const cases: readonly (readonly [string, readonly number[]])[] = [
      [`a\n${full.repeat(5)}\nb\n`, [1, cut, 1]],
      [`${full}\nb`, [LINE_LENGTH_MAX, 1]],
      [`${full}\r\nb`, [LINE_LENGTH_MAX, 1]],
      [full, [LINE_LENGTH_MAX]],
      [`${full}x\nb`, [LINE_LENGTH_MAX + 1, 1]],
      [`${full}\rx\nb`, [cut, 1]],
    ]
    for (const [text, lengths] of cases) {
      const lines = await linesOf(t, text)
      assert.deepEqual(
        lines.map((line) => line.length),
        lengths,
      )
    }
  })

  const noText: readonly (readonly [string, Buffer])[] = [
    ['Latin-1', Buffer.from('Åsa\n', 'latin1')],
    ['half a character at the end', Buffer.from('a\n€').subarray(0, -1)],
    [
      'half a character at the end of a chunk',
      Buffer.concat([Buffer.alloc(CHUNK - 1, 'a'), Buffer.from([0xe2]), Buffer.from('\n')]),
    ],
    ['UTF-16', Buffer.from(`${BOM}a,b\n`, 'utf16le')],
    ['a zero byte', Buffer.from('a\0b\n')],
    ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80])],
    ['an overlong slash', Buffer.from([0xc0, 0xaf])],
  ]
  for (const [what, bytes] of noText) {
    it(`refuses ${what}`, async (t) => {
      await assert.rejects(linesOf(t, bytes), {
        name: 'JobError',
        code: 'people_file_not_text',
        message:
          "Cannot read the people in 'people.csv', as it must be CSV text in UTF-8: it holds bytes that are no such text",
        hint: 'Export it again as CSV in UTF-8; a spreadsheet itself (.xlsx) cannot be read',
      })
    })
  }
})
