import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { CompactEncrypt, FlattenedSign, type JWTPayload, SignJWT } from 'jose'
import type { KeySource } from './keys/source.ts'
import { GuardRefusal } from './refusal.ts'
import {
  encode,
  GOOD,
  GOOD_AT,
  handmade as signedByHand,
  KID,
  keySource,
  newRsaKeys,
  refusal,
  trusting,
} from './test-support.ts'
import { tokenVerifier } from './token.ts'
import { originFinder } from './trust.ts'

const CLAIMS: JWTPayload = GOOD['2.0']
const { publicKey, privateKey } = newRsaKeys()
const keys = keySource({ [KID]: publicKey })

const verified = async (token: string, source: KeySource = keys) =>
  tokenVerifier(originFinder(trusting(source)))(token)
const verifiedClaims = async (token: string, source: KeySource = keys) =>
  (await verified(token, source)).claims

const signed = (header: object = {}, key: KeyObject = privateKey, alg = 'RS256', claims = CLAIMS) =>
  new SignJWT(claims).setProtectedHeader({ alg, kid: KID, typ: 'JWT', ...header }).sign(key)

const handmade = (header: object | string, payload: object | string) =>
  signedByHand(privateKey, header, payload)

const GOOD_HEADER = { alg: 'RS256', kid: KID }
const ALGORITHM = refusal('algorithm_unaccepted', 'alg is none of RS256, PS256, ES256 and EdDSA')
const notOfIssuer = (alg: string) => refusal('algorithm_unaccepted', `this issuer does not sign by ${alg}`)
const withHeader = (name: string) => refusal('header_unaccepted', `the token's header has ${name}`)
const unfit = (alg: string) =>
  refusal('key_unaccepted', `the key that the token names is not one for ${alg}, or too weak`)
const THREE_PARTS = refusal('token_malformed', 'the token has not three parts')
const NOT_BASE64URL = refusal('token_malformed', 'the token is not base64url')
const FORGED = refusal('signature_invalid', 'the signature does not belong to the token')
const TYPE = refusal('type_unaccepted', 'typ is not that of an access token of this issuer')

describe('verifiedClaims', () => {
  it('returns the claims of a token that another implementation has signed', async () => {
    assert.deepEqual(await verifiedClaims(await signed(), keys), CLAIMS)
  })

  it('returns them as they are, with all that JSON can hold', async () => {
    const claims = { ...CLAIMS, a: [1, null, { b: 'é😀', c: '":{}"' }], '\\"{': -1.5, d: '' }
    assert.deepEqual(await verifiedClaims(handmade(GOOD_HEADER, claims), keys), claims)
  })

  it('waits for a source that has to fetch the key', async () => {
    const slow: KeySource = { find: async (kid, tenantId) => keys.find(kid, tenantId) }
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

  for (const alg of ['PS384', 'RS384', 'RS512']) {
    it(`${alg}, though the key could do it`, async () => {
      await assert.rejects(verifiedClaims(await signed({}, privateKey, alg), keys), ALGORITHM)
    })
  }

  it('an issuer that does not use it, though the key could do it', async () => {
    await assert.rejects(verifiedClaims(await signed({}, privateKey, 'PS256'), keys), notOfIssuer('PS256'))
  })

  const headers = [
    ['no alg', { kid: KID }],
    ['alg in lower case', { alg: 'rs256', kid: KID }],
    ['alg as a list', { alg: ['RS256'], kid: KID }],
    ['alg as null', { alg: null, kid: KID }],
    ['alg with a blank', { alg: 'RS256 ', kid: KID }],
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
    await assert.rejects(verifiedClaims(token, keys), withHeader('crit'))
  })
})

describe('verifiedClaims refuses a header that', () => {
  const stranger = newRsaKeys()
  const dangerous: readonly (readonly [name: string, value: unknown])[] = [
    ['crit', ['exp']],
    ['crit', []],
    ['crit', null],
    ['b64', false],
    ['b64', true],
    ['jwk', publicKey.export({ format: 'jwk' })],
    ['jku', 'https://evil.example/keys'],
    ['x5u', 'https://evil.example/certificate'],
    ['x5c', ['MIID']],
    ['zip', 'DEF'],
    ['enc', 'A256GCM'],
  ]
  for (const [name, value] of dangerous) {
    it(`has ${name} ${JSON.stringify(value).slice(0, 20)}, whoever has signed it`, async () => {
      const header = { ...GOOD_HEADER, [name]: value }
      await assert.rejects(verifiedClaims(handmade(header, CLAIMS)), withHeader(name))
      await assert.rejects(
        verifiedClaims(signedByHand(stranger.privateKey, header, CLAIMS)),
        withHeader(name),
      )
    })
  }

  it('says something twice', async () => {
    const twice = '{"alg":"RS256","kid":"other","kid":"key-1"}'
    await assert.rejects(
      verifiedClaims(handmade(twice, CLAIMS)),
      refusal('claim_duplicate', "the token's header has a name twice"),
    )
  })

  for (const typ of ['at+jwt', 'logout+jwt', 'dpop+jwt', '', null, ['JWT'], 'JWT ']) {
    it(`says that a token of Entra is ${JSON.stringify(typ)}`, async () => {
      await assert.rejects(verifiedClaims(handmade({ ...GOOD_HEADER, typ }, CLAIMS)), TYPE)
    })
  }

  for (const typ of [undefined, 'JWT', 'id+jwt', 'application/jwt', null]) {
    it(`says that a token of another server is ${JSON.stringify(typ)}`, async () => {
      await assert.rejects(verifiedClaims(handmade({ ...GOOD_HEADER, typ }, GOOD_AT)), TYPE)
    })
  }

  it('and takes each that is right', async () => {
    for (const typ of ['JWT', 'jwt', undefined])
      assert.deepEqual(await verifiedClaims(handmade({ ...GOOD_HEADER, typ }, CLAIMS)), CLAIMS)
    for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt'])
      assert.deepEqual(await verifiedClaims(handmade({ ...GOOD_HEADER, typ }, GOOD_AT)), GOOD_AT)
  })
})

describe('verifiedClaims refuses the key of', () => {
  const unnamed = refusal('key_unknown', 'the token names no key')
  const unknown = refusal('key_unknown', 'no key of the issuer has the id that the token names')
  const weak = unfit('RS256')

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
    const changed = encode({ ...GOOD_HEADER, typ: 'jwt' })
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
    const other = (await signed({ typ: 'jwt' })).split('.')[2] ?? ''
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

  it('a token that looks like one of a key that has signed before', async () => {
    const verify = tokenVerifier(originFinder(trusting(keys)))
    const token = await signed()
    await verify(token)
    const [header, , signature] = token.split('.')
    await assert.rejects(
      async () => verify(`${header}.${encode({ ...CLAIMS, roles: ['All'] })}.${signature}`),
      FORGED,
    )
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
