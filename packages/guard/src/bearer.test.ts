import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bearerToken } from './bearer.ts'
import { refusal } from './test-support.ts'

describe('bearerToken', () => {
  const longest = 'a'.repeat(16_384 - 'Bearer '.length)
  const accepted = [
    ['a header as clients send it', 'Bearer a.b-c_d~e+f/g==', 'a.b-c_d~e+f/g=='],
    ['the scheme in lower case', 'bearer abc', 'abc'],
    ['the scheme in upper case', 'BEARER abc', 'abc'],
    ['blanks around the token', 'Bearer   abc  ', 'abc'],
    ['the longest header', `Bearer ${longest}`, longest],
  ] as const
  for (const [name, header, token] of accepted) {
    it(`takes ${name}`, () => {
      assert.equal(bearerToken(header), token)
    })
  }

  for (const [name, header] of [
    ['no header', undefined],
    ['an empty header', ''],
  ] as const) {
    it(`finds no token in ${name}`, () => {
      assert.throws(() => bearerToken(header), refusal('token_missing', 'no Authorization header'))
    })
  }

  const refused = [
    ['blanks alone', '   '],
    ['the scheme alone', 'Bearer'],
    ['the scheme and a blank', 'Bearer '],
    ['another scheme', 'Basic YTpi'],
    ['no scheme', 'abc'],
    ['a scheme that only begins the same', 'BearerX abc'],
    ['a scheme stuck to its token', 'Bearerabc'],
    ['a blank before the scheme', ' Bearer abc'],
    ['a tab after the scheme', 'Bearer\tabc'],
    ['two tokens', 'Bearer abc def'],
    ['two tokens with a comma, as two headers become', 'Bearer abc, Bearer def'],
    ['two schemes', 'Bearer Bearer abc'],
    ['quotes', 'Bearer "abc"'],
    ['a line break', 'Bearer abc\n'],
    ['another header behind a line break', 'Bearer abc\r\nx: y'],
    ['NUL', 'Bearer abc\0'],
    ['a letter outside of ASCII', 'Bearer abé'],
    ['a header one character too long', `Bearer ${longest}a`],
    ['17 kB', `Bearer ${'a'.repeat(17 * 1024)}`],
    ['17 kB of blanks behind the token', `Bearer abc${' '.repeat(17 * 1024)}`],
  ] as const
  for (const [name, header] of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => bearerToken(header),
        refusal('token_malformed', 'the Authorization header is not one Bearer token of at most 16 kB'),
      )
    })
  }
})
