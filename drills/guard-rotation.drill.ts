// The issuer changes its signing key under load, over and over, without telling anybody before: every token must be let in, by
// the new key at once and by the old one for as long as it is published, and every forged one must not.
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createGuard, type Guard, GuardRefusal, oauthIssuer } from '@tomte/guard'
import { serverTls } from '../conformance/tls-test-support.ts'
import { startGuardedPlatform, VERSIONS } from './guarded-platform.ts'
import type { DrillOptions, DrillResult, Row } from './row.ts'

const AUDIENCE = 'api://orders'
const ROLE = 'Orders.Read.All'
const ROTATIONS = 20
const TOKENS_PER_KEY = 400
// The guard asks for an unknown key at most once in 30 s.
const ROTATED_EVERY_MS = 40_000

export interface GuardRotationOptions extends DrillOptions {
  /** Default: 20. */
  readonly rotations?: number | undefined
}

export async function drill({ rotations = ROTATIONS }: GuardRotationOptions): Promise<DrillResult> {
  const issuer = await startIssuer()
  try {
    const rows = [await rotated(issuer, rotations), await platformRotated(rotations)]
    return { drill: 'guard-rotation', rows }
  } finally {
    issuer.stop()
  }
}

const CALLERS = 8
const CALLS_PER_KEY = 5

/** Callers never pause while the platform changes its key: each call is made by a new token, by an old one, and by a forged one. */
async function platformRotated(rotations: number): Promise<Row> {
  let nowMs = Date.now()
  const platform = await startGuardedPlatform(() => nowMs)
  const fared = { calls: 0, failed: 0, longestWaitMs: 0 }
  const answers = async (token: string, status: number) => {
    const startMs = performance.now()
    if ((await platform.call(token)) !== status) fared.failed++
    fared.calls++
    fared.longestWaitMs = Math.max(fared.longestWaitMs, performance.now() - startMs)
  }
  const signers = new Set<string>()
  let tokenRequests = 0
  const caller = async (number: number) => {
    let before = ''
    for (let call = 0; call < rotations * CALLS_PER_KEY; call++) {
      const token = await platform.token(VERSIONS[(number + call) % VERSIONS.length] ?? '1.0')
      tokenRequests++
      signers.add(kidOf(token))
      await answers(token, 200)
      await answers(`${token.slice(0, -8)}AAAAAAAA`, 401)
      await answers(before === '' ? token : before, 200)
      before = token
      // The key changes in the midst of the others' calls, and after the first keys were read: they are not asked for again at once.
      if (number === 0 && call % CALLS_PER_KEY === VERSIONS.length) {
        nowMs += ROTATED_EVERY_MS
        await platform.rotate()
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)))
  } finally {
    await platform.stop()
  }
  return {
    what: `platform: signing key changed ${rotations} times, tokens of both versions by ${signers.size} keys`,
    ...fared,
    tokenRequests,
    withoutRenewals: true,
    goal: `0 wrong answers, tokens by more than ${rotations} keys`,
    met: fared.failed === 0 && signers.size > rotations,
  }
}

async function rotated(issuer: Issuer, rotations: number): Promise<Row> {
  let nowMs = Date.now()
  const issuers = oauthIssuer({
    issuer: issuer.origin,
    ca: issuer.ca,
    clock: {
      now: () => nowMs,
      after: (ms, end) => {
        const timer = setTimeout(end, ms)
        return () => clearTimeout(timer)
      },
    },
  })
  const guard = createGuard({ audience: [AUDIENCE], issuers, now: () => nowMs })
  const fared = { calls: 0, failed: 0, longestWaitMs: 0 }
  let before: string[] = []
  for (let rotation = 0; rotation < rotations; rotation++) {
    issuer.rotate()
    const fresh = Array.from({ length: TOKENS_PER_KEY }, (_, number) =>
      issuer.token(nowMs, `${rotation}-${number}`),
    )
    const forged = fresh.map((token) => `${token.slice(0, -8)}AAAAAAAA`)
    const made = createPrivateKey(issuer.strangerPem)
    const foreign = Array.from({ length: 20 }, (_, n) =>
      issuer.token(nowMs, `made-up-${n}`, { key: made, kid: `x${n}` }),
    )
    const wanted = [...fresh, ...before].map((token) => ({ token, good: true }))
    const unwanted = [...forged, ...foreign].map((token) => ({ token, good: false }))
    await Promise.all(
      [...wanted, ...unwanted].map(async ({ token, good }) => {
        const startMs = performance.now()
        const right = (await isLetIn(guard, token)) === good
        fared.calls++
        if (!right) fared.failed++
        fared.longestWaitMs = Math.max(fared.longestWaitMs, performance.now() - startMs)
      }),
    )
    before = fresh
    nowMs += ROTATED_EVERY_MS
  }
  // Metadata once, keys once for each rotation.
  const requestsMax = 2 + rotations
  return {
    what: `signing key changed ${rotations} times`,
    ...fared,
    tokenRequests: 0,
    withoutRenewals: true,
    goal: `0 wrong answers, <= ${requestsMax} requests for keys`,
    met: fared.failed === 0 && issuer.requests() <= requestsMax,
  }
}

const kidOf = (token: string): string => {
  const header = Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString()
  return (JSON.parse(header) as { readonly kid: string }).kid
}

async function isLetIn(guard: Guard, token: string): Promise<boolean | undefined> {
  try {
    await guard.admit(`Bearer ${token}`, [ROLE])
    return true
  } catch (error) {
    // Anything but a refusal is wrong, whoever asked.
    return error instanceof GuardRefusal ? false : undefined
  }
}

interface Signer {
  readonly key: KeyObject
  readonly kid: string
}

interface Issuer {
  readonly origin: string
  readonly ca: string
  readonly strangerPem: string
  /** Signs by a new key from now on; the one before stays published. */
  readonly rotate: () => void
  readonly token: (nowMs: number, id: string, by?: Signer) => string
  readonly requests: () => number
  readonly stop: () => Server
}

async function startIssuer(): Promise<Issuer> {
  const { ca, cert, key } = serverTls()
  const published: (Signer & { readonly jwk: object })[] = []
  let requests = 0
  let origin = ''
  const server = createServer({ cert, key }, (request, response) => {
    requests++
    const keys = published.slice(-2).map(({ jwk }) => jwk)
    const metadata = { issuer: origin, jwks_uri: `${origin}/keys` }
    response.end(JSON.stringify(request.url === '/keys' ? { keys } : metadata))
  })
  await once(server.listen(0, 'localhost'), 'listening')
  origin = `https://localhost:${(server.address() as AddressInfo).port}`
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const stranger = generateKeyPairSync('ed25519').privateKey
  return {
    origin,
    ca,
    strangerPem: stranger.export({ type: 'pkcs8', format: 'pem' }).toString(),
    rotate: () => {
      const made = generateKeyPairSync('ed25519')
      const kid = `key-${published.length}`
      published.push({ key: made.privateKey, kid, jwk: { ...made.publicKey.export({ format: 'jwk' }), kid } })
    },
    token: (nowMs, id, by = published.at(-1)) => {
      if (!by) throw new Error('Cannot sign, as a key is needed: rotate first')
      const iat = Math.floor(nowMs / 1000)
      const claims = {
        iss: origin,
        aud: AUDIENCE,
        iat,
        exp: iat + 3600,
        sub: 'a',
        client_id: 'a',
        jti: id,
        roles: [ROLE],
      }
      const content = `${encode({ alg: 'EdDSA', kid: by.kid, typ: 'at+jwt' })}.${encode(claims)}`
      return `${content}.${sign(null, Buffer.from(content), by.key).toString('base64url')}`
    },
    requests: () => requests,
    stop: () => server.close(),
  }
}
