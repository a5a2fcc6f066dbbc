// The table of refusals beside the catalogue of Entra's own: each number that Entra has been seen to answer with is in the
// table, and so provoked over the wire (refusals.test.ts), or there is a reason why not.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusalNumber, REFUSALS } from './refusals.ts'

// The rows of wire.md §8 that are known with confidence A and that this platform does not answer with, and why.
const NOT_ANSWERED: Readonly<Record<number, string>> = {
  7000218: 'of other grants; for this one a missing credential is 7000216',
  50012: 'of former years; there is a number for each fault now',
  7000277:
    'SDKs know two numbers for a certificate that was revoked, and not which is when: 7000214 is given',
  7000274:
    'SDKs read it as a bad signature or as a certificate out of its time; 700027 and 1000502 say which',
  70021: 'of former years, with status 400; 700211, 700212 and 700213 say which claim it is',
  7002137: 'of subjects that services of Entra itself make up (/eid1/…): nothing issues such here',
}
const OBSERVED_IN_ENTRA = [
  900144, 90014, 9002313, 900023, 90002, 50059, 50194, 50049, 70003, 700016, 700038, 7000229, 7000112,
  7000218, 7000216, 7000215, 7000222, 700027, 700024, 50012, 1000502, 7000214, 7000274, 7000277, 5002730,
  70021, 700211, 700213, 7002137, 7002138, 70011, 1002012, 500011, 500014, 501051, 53003, 50196, 51000,
]

describe('the table of refusals', () => {
  it('has every number that Entra has been seen to, or there is a reason why not', () => {
    const silent = OBSERVED_IN_ENTRA.filter((number) => !isRefusalNumber(number))
    assert.deepEqual(silent.map(String).sort(), Object.keys(NOT_ANSWERED).sort())
    const unlisted = Object.entries(REFUSALS).filter(
      ([number, { known }]) => (known === 'observed') !== OBSERVED_IN_ENTRA.includes(Number(number)),
    )
    assert.deepEqual(unlisted, [])
  })
})
