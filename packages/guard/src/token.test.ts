import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { CompactEncrypt, exportJWK, FlattenedSign, type JWTPayload, SignJWT } from 'jose'
import type { KeySource } from './keys.ts'
import { GuardRefusal } from './refusal.ts'
import { GOOD, keySource, newRsaKeys, refusal } from './test-support.ts'
import { verifiedClaims } from './token.ts'

const CLAIMS: JWTPayload = GOOD['2.0']
const KID = 'key-1'
const { publicKey, privateKey } = newRsaKeys()
const keys = keySource({ [KID]: publicKey })

const signed = (header: object = {}, key: KeyObject = privateKey, alg = 'RS256') =>
  new SignJWT(CLAIMS).setProtectedHeader({ alg, kid: KID, typ: 'JWT', ...header }).sign(key)

const encode = (part: object | string) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')

/** A token made by hand, with a true signature over whatever its parts are. */
function handmade(header: object | string, payload: object | string): string {
  const content = `${encode(header)}.${encode(payload)}`
  return `${content}.${sign('sha256', Buffer.from(content), privateKey).toString('base64url')}`
}

const GOOD_HEADER = { alg: 'RS256', kid: KID }
const ALGORITHM = refusal('algorithm_unaccepted', 'alg must be RS256 without extensions')
const THREE_PARTS = refusal('token_malformed', 'the token has not three parts')
const NOT_BASE64URL = refusal('token_malformed', 'the token is not base64url')
const FORGED = refusal('signature_invalid', 'the signature does not belong to the token')

describe('verifiedClaims', () => {
  it('returns the claims of a token that another implementation has signed', async () => {
    assert.deepEqual(await verifiedClaims(await signed(), keys), CLAIMS)
  })

  it('returns them as they are, with all that JSON can hold', async () => {
    const claims = { a: [1, null, { b: 'é😀' }], c: -1.5, d: '' }
    assert.deepEqual(await verifiedClaims(handmade(GOOD_HEADER, claims), keys), claims)
  })

  it('waits for a source that has to fetch the key', async () => {
    const slow: KeySource = { find: async (kid) => keys.find(kid) }
    assert.deepEqual(await verifiedClaims(await signed(), slow), CLAIMS)
  })

  it('passes the failure of a source on as it is, and lets no one in', async () => {
    const failure = new Error('no connection')
    const broken: KeySource = { find: () => Promise.reject(failure) }
    await assert.rejects(verifiedClaims(await signed(), broken), failure)
  })

  it('chooses the key by the id in the token alone', async () => {
    const other = newRsaKeys()
    const both = keySource({ [KID]: publicKey, other: other.publicKey })
    assert.deepEqual(await verifiedClaims(await signed({ kid: 'other' }, other.privateKey), both), CLAIMS)
    await assert.rejects(verifiedClaims(await signed({ kid: 'other' }), both), FORGED)
  })
})

describe('verifiedClaims refuses the algorithm of', () => {
  it('a token without a signature', async () => {
    const none = `${encode({ alg: 'none', kid: KID })}.${encode(CLAIMS)}`
    await assert.rejects(verifiedClaims(`${none}.`, keys), THREE_PARTS)
    await assert.rejects(verifiedClaims(`${none}.AA`, keys), ALGORITHM)
  })

  it('HS256 with the public key as the secret', async () => {
    const content = `${encode({ alg: 'HS256', kid: KID })}.${encode(CLAIMS)}`
    const secrets = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
    ]
    for (const secret of secrets) {
      const mac = createHmac('sha256', secret).update(content).digest('base64url')
      await assert.rejects(verifiedClaims(`${content}.${mac}`, keys), ALGORITHM)
    }
  })

  for (const alg of ['PS256', 'RS384', 'RS512']) {
    it(`${alg}, though the key could do it`, async () => {
      await assert.rejects(verifiedClaims(await signed({}, privateKey, alg), keys), ALGORITHM)
    })
  }

  const headers = [
    ['no alg', { kid: KID }],
    ['alg in lower case', { alg: 'rs256', kid: KID }],
    ['alg as a list', { alg: ['RS256'], kid: KID }],
    ['alg as null', { alg: null, kid: KID }],
    ['alg with a blank', { alg: 'RS256 ', kid: KID }],
    ['crit', { ...GOOD_HEADER, crit: ['exp'], exp: 1 }],
    ['an empty crit', { ...GOOD_HEADER, crit: [] }],
    ['crit as null', { ...GOOD_HEADER, crit: null }],
    ['b64', { ...GOOD_HEADER, b64: false, crit: ['b64'] }],
    ['b64 alone', { ...GOOD_HEADER, b64: true }],
  ] as const
  for (const [name, header] of headers) {
    it(`a header with ${name}`, async () => {
      await assert.rejects(verifiedClaims(handmade(header, CLAIMS), keys), ALGORITHM)
    })
  }

  it('a payload that is not encoded (RFC 7797), as another implementation makes it', async () => {
    const jws = new FlattenedSign(new TextEncoder().encode('e30'))
    const header = { alg: 'RS256', kid: KID, b64: false, crit: ['b64'] }
    const made = await jws.setProtectedHeader(header).sign(privateKey)
    const token = `${made.protected}.e30.${made.signature}`
    await assert.rejects(verifiedClaims(token, keys), ALGORITHM)
  })
})

describe('verifiedClaims refuses the key of', () => {
  const unnamed = refusal('key_unknown', 'the token names no key')
  const unknown = refusal('key_unknown', 'no key has the id that the token names')
  const weak = refusal('key_unknown', 'the key that the token names is not RSA of 2048 bits or more')

  for (const kid of [undefined, '', 7, null, [KID], {}]) {
    it(`a token whose kid is ${JSON.stringify(kid)}`, async () => {
      await assert.rejects(verifiedClaims(handmade({ ...GOOD_HEADER, kid }, CLAIMS), keys), unnamed)
    })
  }

  for (const kid of ['key-2', 'KEY-1', 'constructor', '__proto__']) {
    it(`a token whose kid is '${kid}', which nobody knows`, async () => {
      await assert.rejects(verifiedClaims(await signed({ kid }), keys), unknown)
    })
  }

  it('a token that brings its key along', async () => {
    const stranger = newRsaKeys()
    const jwk = await exportJWK(stranger.publicKey)
    await assert.rejects(verifiedClaims(await signed({ jwk }, stranger.privateKey), keys), FORGED)
    await assert.rejects(
      verifiedClaims(await signed({ jwk, kid: 'mine' }, stranger.privateKey), keys),
      unknown,
    )
  })

  it('a token that says where its key lies', async () => {
    const stranger = newRsaKeys()
    const header = { jku: 'https://evil.example/keys', x5u: 'https://evil.example/certificate' }
    await assert.rejects(verifiedClaims(await signed(header, stranger.privateKey), keys), FORGED)
  })

  it('a source with a short RSA key', async () => {
    const short = newRsaKeys(1024)
    const content = `${encode(GOOD_HEADER)}.${encode(CLAIMS)}`
    const signature = sign('sha256', Buffer.from(content), short.privateKey).toString('base64url')
    await assert.rejects(
      verifiedClaims(`${content}.${signature}`, keySource({ [KID]: short.publicKey })),
      weak,
    )
  })

  it('a source with a key of another type', async () => {
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 })
    for (const key of [elliptic.publicKey, pss.publicKey]) {
      await assert.rejects(verifiedClaims(await signed(), keySource({ [KID]: key })), weak)
    }
  })
})

describe('verifiedClaims refuses the form of', () => {
  it('a token with too few or too many parts', async () => {
    const token = await signed()
    const [header = '', payload = '', signature = ''] = token.split('.')
    const forms = [
      '',
      '.',
      '..',
      '...',
      header,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}..${signature}`,
      `.${payload}.${signature}`,
      `${token}.`,
      `${token}..`,
      `${token}.${signature}`,
      `.${token}`,
    ]
    for (const form of forms) await assert.rejects(verifiedClaims(form, keys), THREE_PARTS, form)
  })

  it('an encrypted token', async () => {
    const jwe = new CompactEncrypt(new TextEncoder().encode(JSON.stringify(CLAIMS)))
    const header = { alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: KID }
    await assert.rejects(
      verifiedClaims(await jwe.setProtectedHeader(header).encrypt(publicKey), keys),
      THREE_PARTS,
    )
  })

  it('a signature that can be written in more than one way', async () => {
    const token = await signed()
    // 256 bytes need 342 characters, whose last has four bits to spare.
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(
      token.at(-1) ?? '',
    )
    const alias = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'[last + 1]
    const forms = [
      `${token}=`,
      `${token}==`,
      `${token}\n`,
      `${token} `,
      `${token}~`,
      token.slice(0, -1) + alias,
      token.replace(/\.([^.]{10})([^.]*)$/, '.$1~$2'),
    ]
    for (const form of forms) await assert.rejects(verifiedClaims(form, keys), NOT_BASE64URL, form)
    const [content, signature = ''] = [token.slice(0, token.lastIndexOf('.')), token.split('.')[2]]
    const plain = Buffer.from(signature, 'base64url').toString('base64')
    await assert.rejects(verifiedClaims(`${content}.${plain}`, keys), NOT_BASE64URL)
  })

  it('a header or payload that is padded', async () => {
    const content = [`${encode('{"alg":"RS256","kid":"key-1"}')}=`, `${encode('{"a":12}')}=`]
    const [header = '', payload = ''] = content
    const sealed = (text: string) =>
      `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`
    await assert.rejects(verifiedClaims(sealed(`${header}.${encode({})}`), keys), NOT_BASE64URL)
    await assert.rejects(verifiedClaims(sealed(`${encode(GOOD_HEADER)}.${payload}`), keys), NOT_BASE64URL)
  })

  for (const part of ['', 'x', '"text"', '5', 'null', '[]', '[{}]', '{', '{"a":1}}', "{'a':1}", '\uFEFF{}']) {
    it(`a header or payload that is ${JSON.stringify(part)}`, async () => {
      const expected = (name: string) =>
        part === '' ? THREE_PARTS : refusal('token_malformed', `the token's ${name} is not a JSON object`)
      await assert.rejects(verifiedClaims(handmade(part, CLAIMS), keys), expected('header'))
      await assert.rejects(verifiedClaims(handmade(GOOD_HEADER, part), keys), expected('payload'))
    })
  }
})

describe('verifiedClaims refuses the signature of', () => {
  it('a token whose claims were changed', async () => {
    const [header, , signature] = (await signed()).split('.')
    const changed = encode({ ...CLAIMS, roles: ['Everything'] })
    await assert.rejects(verifiedClaims(`${header}.${changed}.${signature}`, keys), FORGED)
  })

  it('a token whose header was changed', async () => {
    const [, payload, signature] = (await signed()).split('.')
    const changed = encode({ ...GOOD_HEADER, typ: 'at+jwt' })
    await assert.rejects(verifiedClaims(`${changed}.${payload}.${signature}`, keys), FORGED)
  })

  it('a token of another key', async () => {
    await assert.rejects(verifiedClaims(await signed({}, newRsaKeys().privateKey), keys), FORGED)
  })

  it('a token whose signature was cut, changed or taken from another', async () => {
    const token = await signed()
    const [header, payload, signature = ''] = token.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const flipped = Buffer.from(bytes)
    flipped[100] = (flipped[100] ?? 0) ^ 1
    const other = (await signed({ typ: 'other' })).split('.')[2] ?? ''
    const others = [
      bytes.subarray(1),
      bytes.subarray(0, -1),
      Buffer.concat([bytes, Buffer.alloc(1)]),
      Buffer.concat([Buffer.alloc(1), bytes]),
      Buffer.alloc(256),
      Buffer.alloc(1),
      flipped,
      Buffer.from(other, 'base64url'),
    ]
    for (const each of others) {
      await assert.rejects(verifiedClaims(`${header}.${payload}.${each.toString('base64url')}`, keys), FORGED)
    }
  })

  it('a token whose payload is no JSON only after looking at the signature', async () => {
    const token = `${encode(GOOD_HEADER)}.${encode('no JSON')}.${encode('no signature')}`
    await assert.rejects(verifiedClaims(token, keys), FORGED)
  })
})

describe('a refusal', () => {
  it('holds nothing of the token', async () => {
    const token = await signed({}, newRsaKeys().privateKey)
    const error: unknown = await verifiedClaims(token, keys).catch((caught: unknown) => caught)
    assert.ok(error instanceof GuardRefusal)
    const shown = JSON.stringify(error) + error.message + error.stack
    for (const part of token.split('.')) assert.ok(!shown.includes(part))
  })
})
