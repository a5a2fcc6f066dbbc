// The other side of the tests of fetched keys: a real HTTPS server that answers as a test tells it to, well or badly.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type forgeTypes from 'node-forge'
import { type Clock, systemNow } from '../clock.ts'

const forge = createRequire(import.meta.url)('node-forge') as typeof forgeTypes

const YEAR_MS = 365 * 24 * 60 * 60 * 1000

/** A certificate for localhost that vouches for itself. */
function selfSigned() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
  certificate.serialNumber = `01${randomBytes(8).toString('hex')}`
  certificate.validity.notBefore = new Date(systemNow() - YEAR_MS)
  certificate.validity.notAfter = new Date(systemNow() + YEAR_MS)
  certificate.setSubject([{ name: 'commonName', value: 'localhost' }])
  certificate.setIssuer([{ name: 'commonName', value: 'localhost' }])
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
  ])
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create())
  return { cert: forge.pki.certificateToPem(certificate), key: privateKey }
}

export interface ScriptedServer {
  readonly origin: string
  /** The PEM certificate to trust. */
  readonly ca: string
  /** The paths that were asked for. */
  readonly asked: string[]
}

/** Starts a server for one test: an object is sent as JSON, a function has the socket to itself, nothing is 404. */
export async function scriptedServer(
  t: Pick<TestContext, 'after'>,
  answer: (
    path: string,
    origin: string,
  ) => object | string | ((response: ServerResponse) => void) | undefined,
): Promise<ScriptedServer> {
  const { cert, key } = selfSigned()
  const asked: string[] = []
  let origin = ''
  const server = createServer({ cert, key }, (request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const sent = answer(path, origin)
    if (typeof sent === 'function') return (sent as (response: ServerResponse) => void)(response)
    response.statusCode = sent === undefined ? 404 : 200
    response.end(typeof sent === 'object' ? JSON.stringify(sent) : sent)
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  origin = `https://localhost:${(server.address() as AddressInfo).port}`
  return { origin, ca: cert, asked }
}

/** Time that stands still until a test moves it. */
export function manualClock(startMs = Date.UTC(2026, 8, 21)) {
  let nowMs = startMs
  const alarms = new Map<() => void, number>()
  const clock: Clock = {
    now: () => nowMs,
    after: (ms, end) => {
      alarms.set(end, nowMs + ms)
      return () => void alarms.delete(end)
    },
  }
  return {
    clock,
    alarms,
    pass: (ms: number) => {
      nowMs += ms
      for (const [end, atMs] of alarms) if (atMs <= nowMs && alarms.delete(end)) end()
    },
  }
}
