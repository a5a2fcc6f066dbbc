import type { CertificateSource } from './certificate.ts'
import { readKeyed, readPublic } from './certificate-file.ts'
import { clientAssertion, keySigner, type Signatory } from './client-assertion.ts'
import { watchedFile } from './watched-file.ts'

/** Who signs for a certificate, as its source has it now, and the signing. */
export interface CertificateSigner {
  readonly signatory: () => Promise<Signatory>
  readonly sign: typeof clientAssertion
}

/** What signs with the certificate of a source, which is read at the first use, and again when it has changed. */
export function certificateSigner(source: CertificateSource): CertificateSigner {
  return { signatory: signatoryOf(source), sign: clientAssertion }
}

function signatoryOf(source: CertificateSource): () => Promise<Signatory> {
  if ('sign' in source) {
    return once(async () => {
      const from = 'the configured certificate'
      return { certificate: readPublic(source.certificate, from), sign: source.sign, from }
    })
  }
  if (!('file' in source)) return once(() => textSignatory(source))
  const { file, password } = source
  // A failure is kept as well, until the file is another.
  const read = watchedFile(file, (bytes) => keyedSignatory(bytes, password, `'${file}'`))
  return async () => read()
}

async function textSignatory(
  source: ({ readonly pem: string } | { readonly base64: string }) & {
    readonly password?: string | undefined
  },
): Promise<Signatory> {
  if ('pem' in source) {
    return keyedSignatory(Buffer.from(source.pem), source.password, 'the configured PEM text')
  }
  const from = 'the configured base64 text'
  return keyedSignatory(Buffer.from(source.base64, 'base64'), source.password, from)
}

async function keyedSignatory(bytes: Buffer, password: string | undefined, from: string): Promise<Signatory> {
  const { certificate: own, key } = await readKeyed(bytes, password, from)
  return { certificate: own, sign: keySigner(key), from }
}

/** Calls `make` once for all, and again only after it failed. */
function once<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let making: Promise<Made> | undefined
  return () => {
    making ??= make().catch((error: unknown) => {
      making = undefined
      throw error
    })
    return making
  }
}
