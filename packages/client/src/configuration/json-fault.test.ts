import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../token/test-support.ts'
import { jsonFault } from './json-fault.ts'

describe('jsonFault', () => {
  const cases: readonly (readonly [text: string, line: number, column: number, needed: string])[] = [
    ['', 1, 1, 'a value'],
    [' \n ', 2, 2, 'a value'],
    ['{', 1, 2, "a key in double quotes or '}'"],
    ['{\n  "a": 1,\n}', 3, 1, 'a key in double quotes'],
    ['{ a: 1 }', 1, 3, "a key in double quotes or '}'"],
    ["{ 'a': 1 }", 1, 3, "a key in double quotes or '}'"],
    ['{"a" 1}', 1, 6, "':'"],
    ['{"a": }', 1, 7, 'a value'],
    ['{"a": 1 "b": 2}', 1, 9, "',' or '}'"],
    ['{"a": "\n"}', 1, 7, 'a value'],
    ['{"a": "\\x"}', 1, 7, 'a value'],
    ['[1 2]', 1, 4, "',' or ']'"],
    ['[1,]', 1, 4, 'a value'],
    ['[,]', 1, 2, "a value or ']'"],
    ['[}', 1, 2, "a value or ']'"],
    ['{]', 1, 2, "a key in double quotes or '}'"],
    ['[1}', 1, 3, "',' or ']'"],
    ['{} // done', 1, 4, 'the end'],
    ['01', 1, 2, 'the end'],
    ['1.', 1, 2, 'the end'],
    ['+1', 1, 1, 'a value'],
    ['NaN', 1, 1, 'a value'],
    ['nullx', 1, 5, 'the end'],
    ['{"a":1}}', 1, 8, 'the end'],
  ]
  for (const [text, line, column, needed] of cases) {
    it(`finds the place in ${JSON.stringify(text)}`, () => {
      assert.deepEqual(jsonFault(text), { line, column, needed })
    })
  }

  it('agrees with JSON.parse about every text', () => {
    const random = seeded(8259)
    const whole = '{"a": [1, -2.5e+3, "x\\n\\u00e9", true, false, null, {"b": {}}], "c": "\u{1f600}"}'
    const letters = '{}[],:"\\ \n\t0-1.eEntruefalsx\u0000\u2028'
    let broken = 0
    for (let number = 0; number < 5000; number += 1) {
      let text = whole
      for (let edits = Math.floor(random() * 3); edits > 0; edits -= 1) {
        const at = Math.floor(random() * text.length)
        const letter = letters[Math.floor(random() * letters.length)] ?? ''
        text = text.slice(0, at) + (random() < 0.5 ? letter : '') + text.slice(at + (random() < 0.5 ? 1 : 0))
      }
      const parses = () => void JSON.parse(text)
      if (jsonFault(text) === undefined) assert.doesNotThrow(parses, text)
      else assert.throws(parses, SyntaxError, text)
      if (jsonFault(text) !== undefined) broken += 1
    }
    assert.ok(broken > 1000 && broken < 4500, `${broken} of 5000 were broken`)
  })
})
