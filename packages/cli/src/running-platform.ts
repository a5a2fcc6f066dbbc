import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { PlatformError, type ReadyDocument } from '@tomte/platform'

/** How the platform that runs on a data folder is reached. @throws PlatformError `platform_not_running` */
export async function readRunning(data: string): Promise<ReadyDocument> {
  try {
    return JSON.parse(await readFile(join(data, 'platform.json'), 'utf8')) as ReadyDocument
  } catch (error) {
    throw new PlatformError(
      `Cannot reach a platform, as one must run on the data folder '${data}': it has said nowhere how it is reached`,
      {
        code: 'platform_not_running',
        hint: 'Start it with tomte platform, or name its data folder with --data',
        cause: error,
      },
    )
  }
}

/** What a platform answered: `undefined` for no content. */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>> | undefined
}

const ANSWER_WITHIN_MS = 30_000
const ANSWER_BYTES_MAX = 4 * 1024 * 1024

/** Sends a request to a running platform that one of `trusted` vouches for, in PEM. @throws PlatformError */
export async function ask(
  trusted: string,
  url: string,
  { method, body }: { readonly method: string; readonly body?: object | undefined },
): Promise<Answer> {
  try {
    const { status, text } = await exchanged(url, { method, ca: trusted }, body && JSON.stringify(body))
    return { status, body: text === '' ? undefined : (JSON.parse(text) as Answer['body']) }
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    if (UNTRUSTED.has(errorCode(error)))
      throw new PlatformError(
        `Cannot trust the platform at ${new URL(url).origin}, as an authority that is known must vouch for it: ${found}`,
        {
          code: 'platform_untrusted',
          hint: 'Name the certificate that it shows with --tls-certificate, and its authority with --issuer-ca',
          cause: error,
        },
      )
    throw new PlatformError(
      `Cannot reach the platform at ${new URL(url).origin}, as it must answer: ${found}`,
      {
        code: 'platform_unreachable',
        hint: 'Start it again: one that was killed leaves its address in the data folder',
        cause: error,
      },
    )
  }
}

/** What Node's TLS says of a certificate that nobody known vouches for, or that is of another name. */
const UNTRUSTED: ReadonlySet<unknown> = new Set([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
const errorCode = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined)

interface Sending {
  readonly method: string
  readonly ca: string
}

function exchanged(url: string, { method, ca }: Sending, content: string | undefined) {
  return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const headers = content === undefined ? {} : { 'content-type': 'application/json' }
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
    const outgoing = request(url, { method, ca, headers, signal, agent: false }, (incoming) => {
      const chunks: Buffer[] = []
      let size = 0
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > ANSWER_BYTES_MAX) outgoing.destroy(new Error('its answer is too long'))
        else chunks.push(chunk)
      })
      incoming.on('error', reject)
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(content)
  })
}
