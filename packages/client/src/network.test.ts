import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { networkHint, networkReason, withoutUser } from './network.ts'

const failure = (code: string, message = '') => Object.assign(new Error(message), { code })

describe('networkReason', () => {
  it('is the message, else the code, else the name of the error', () => {
    assert.equal(networkReason(failure('ECONNREFUSED', 'connect ECONNREFUSED')), 'connect ECONNREFUSED')
    assert.equal(networkReason(failure('ECONNREFUSED')), 'ECONNREFUSED')
    assert.equal(networkReason(new TypeError()), 'TypeError')
  })
})

describe('networkHint', () => {
  const authority =
    'Set NODE_EXTRA_CA_CERTS to the PEM file of the certificate authority that https://a.example uses, before the program starts'
  const hints = [
    ['SELF_SIGNED_CERT_IN_CHAIN', authority],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', authority],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', authority],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', authority],
    [
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'Check the host name in https://a.example: its certificate is for another',
    ],
    [
      'CERT_HAS_EXPIRED',
      "Compare this machine's clock with the dates of the certificate of https://a.example",
    ],
    [
      'CERT_NOT_YET_VALID',
      "Compare this machine's clock with the dates of the certificate of https://a.example",
    ],
    ['ENOTFOUND', "Check the host name in https://a.example and the machine's name look-up"],
    ['EAI_AGAIN', "Check the host name in https://a.example and the machine's name look-up"],
    ['ECONNREFUSED', 'Check that something listens at https://a.example'],
    ['ECONNRESET', 'Check the network and any proxy between this machine and the other side, then run again'],
  ] as const
  for (const [code, hint] of hints) {
    it(`names the next step after ${code}`, () => {
      assert.equal(networkHint(failure(code), 'https://a.example'), hint)
    })
  }
})

describe('withoutUser', () => {
  it('takes user and password out of a URL and leaves the rest', () => {
    assert.equal(withoutUser('https://a:b@c.example/d'), 'https://…@c.example/d')
    assert.equal(withoutUser('https://a:b@c@d.example'), 'https://…@d.example')
    assert.equal(withoutUser('https://c.example/d@e'), 'https://c.example/d@e')
    assert.equal(withoutUser('no URL'), 'no URL')
  })
})
