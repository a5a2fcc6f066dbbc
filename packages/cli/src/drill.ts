import { readFile } from 'node:fs/promises'
import { text as readText } from 'node:stream/consumers'
import { PlatformError } from '@tomte/platform'
import type { Output } from './output.ts'
import { ask, readRunning } from './running-platform.ts'
import { type TrustArguments, trustedFor } from './trust.ts'

/** What a drill asks of a running platform. */
export interface DrillRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below `/drills`. */
  readonly path: string
  readonly body?: object
}

/** One drill: its words on the command line, and what they ask for. */
export interface Drill {
  readonly usage: string
  readonly description: string
  readonly request: (words: readonly string[], options: DrillOptions) => DrillRequest | Promise<DrillRequest>
  /** What a person is told when it is done. */
  readonly done: (body: Readonly<Record<string, unknown>>) => string
}

/** The options of the drills that have any. */
export interface DrillOptions {
  readonly status?: number
  readonly retryAfter?: number
  readonly delayMs?: number
  readonly rate?: number
  readonly times?: number
  readonly trusted?: boolean
}

/** A word that cannot be what the drill needs: wrong usage. */
export class DrillUsageError extends Error {
  override readonly name = 'DrillUsageError'
}

const END = 'off'

function numberIn(word: string, name: string): number {
  const value = Number(word)
  if (word.trim() !== '' && Number.isFinite(value)) return value
  throw new DrillUsageError(`<${name}> must be a number or '${END}': found '${word.slice(0, 100)}'`)
}

/** A drill that one word begins and `off` ends. */
const switched =
  (path: string, body: (word: string) => object): Drill['request'] =>
  ([word = '']) =>
    word === END ? { method: 'DELETE', path } : { method: 'PUT', path, body: body(word) }

const inPath = (id: string) => encodeURIComponent(id)

/** Every drill by its name; the platform itself checks what it is asked. */
export const DRILLS: Readonly<Record<string, Drill>> = {
  status: {
    usage: '',
    description: 'the clock, the faults, and how many requests each target has had',
    request: () => ({ method: 'GET', path: '' }),
    done: (body) => JSON.stringify(body, undefined, 2),
  },
  clock: {
    usage: '<instant>',
    description: `set the clock, as 2030-01-01T00:00:00Z; '${END}' returns to the machine's`,
    request: switched('/clock', (now) => {
      if (Number.isNaN(Date.parse(now)))
        throw new DrillUsageError(
          `<instant> must be one as 2030-01-01T00:00:00Z, or '${END}': found '${now.slice(0, 100)}'`,
        )
      return { now }
    }),
    done: () => 'The clock is set',
  },
  throttle: {
    usage: '<part>',
    description: `throttle the directory to a part of Graph's limits, as 0.1; '${END}' ends it`,
    request: switched('/throttling', (part) => ({ part: numberIn(part, 'part') })),
    done: () => 'The directory is throttled as told',
  },
  replicate: {
    usage: '<seconds>',
    description: `hide new secrets, certificates, trusts and grants from token requests for so long; '${END}' shows them`,
    request: switched('/replication', (seconds) => ({ seconds: numberIn(seconds, 'seconds') })),
    done: () => 'Replication takes as long as told',
  },
  break: {
    usage: '<target> <kind>',
    description:
      'break token, discovery, directory, batch-item or managed-identity, by status, hang, cut or slow',
    request: ([target, kind], { status, retryAfter, delayMs, rate, times }) => ({
      method: 'POST',
      path: '/faults',
      body: { target, kind, status, retryAfterSeconds: retryAfter, delayMs, rate, times },
    }),
    done: ({ id }) => `The fault ${String(id)} has begun`,
  },
  mend: {
    usage: '',
    description: 'end every fault, and every wait that one has begun',
    request: () => ({ method: 'DELETE', path: '/faults' }),
    done: () => 'Every fault has ended',
  },
  rotate: {
    usage: '',
    description: 'sign with a new key from now on',
    request: () => ({ method: 'POST', path: '/keys' }),
    done: ({ kid }) => `Tokens are signed with the new key ${String(kid)}`,
  },
  expire: {
    usage: '<keyId>',
    description: 'make a secret or certificate expire now',
    request: ([keyId = '']) => ({ method: 'POST', path: `/credentials/${inPath(keyId)}/expire` }),
    done: () => 'The credential has expired',
  },
  revoke: {
    usage: '<keyId>',
    description: 'take a secret or certificate away now',
    request: ([keyId = '']) => ({ method: 'DELETE', path: `/credentials/${inPath(keyId)}` }),
    done: () => 'The credential is revoked',
  },
  'revoke-tokens': {
    usage: '<servicePrincipal>',
    description: 'revoke the tokens that a service principal has had, by its object id',
    request: ([id = '']) => ({ method: 'DELETE', path: `/servicePrincipals/${inPath(id)}/tokens` }),
    done: () => 'The tokens are revoked',
  },
  forge: {
    usage: '<file>',
    description: "forge a token of the claims in a JSON file; '-' reads standard input",
    request: async ([file = ''], { trusted = false }) => ({
      method: 'POST',
      path: '/tokens',
      body: { claims: await readClaims(file), trusted },
    }),
    done: ({ access_token: token }) => String(token),
  },
}

async function readClaims(file: string): Promise<unknown> {
  try {
    return JSON.parse(file === '-' ? await readText(process.stdin) : await readFile(file, 'utf8'))
  } catch (error) {
    const found = error instanceof SyntaxError ? 'it is no JSON' : 'it cannot be read'
    throw new PlatformError(
      `Cannot forge a token of '${file}', as a JSON file of claims is needed: ${found}`,
      {
        code: 'claims_unusable',
        hint: 'Write a file such as {"aud":"api://orders","roles":[]}',
      },
    )
  }
}

/** `tomte platform drill NAME …`: asks a running platform that was started with `--drills`. */
export async function drillCommand(
  drill: Drill,
  words: readonly string[],
  options: DrillOptions & TrustArguments & { readonly data: string },
  output: Output,
): Promise<void> {
  const { method, path, body } = await drill.request(words, options)
  const running = await readRunning(options.data)
  if (running.drills === undefined)
    throw new PlatformError(
      'Cannot drill this platform, as it must have been started with drills: it was not',
      { code: 'drills_missing', hint: 'Start it with tomte platform --drills' },
    )
  const answer = await ask(await trustedFor(running, options), `${running.drills}${path}`, { method, body })
  if (answer.status >= 300) throw drillRefused(answer.body)
  await output.result(answer.body ?? {}, drill.done(answer.body ?? {}))
}

function drillRefused(body: Readonly<Record<string, unknown>> | undefined): PlatformError {
  const { message } = (body?.['error'] ?? {}) as { readonly message?: unknown }
  const found = typeof message === 'string' ? message : 'the platform has refused it'
  return new PlatformError(`Cannot do this drill: ${found}`, {
    code: 'drill_refused',
    hint: 'tomte platform drill --help lists the drills and what each needs',
  })
}
