import { readFile } from 'node:fs/promises'
import { getCACertificates } from 'node:tls'
import { PlatformError, type ReadyDocument } from '@tomte/platform'

/** The options of a platform by which others than its own authority vouch for it. */
export interface TrustArguments {
  readonly tlsCertificate?: string | undefined
  readonly issuerCa?: string | undefined
}

/**
 * Whom a command trusts to vouch for a running platform, as PEM: the platform's own authority, and if it shows another's
 * certificate, that one with its chain, the authority that was named, and those of the system.
 *
 * @throws PlatformError `certificate_unusable`
 */
export async function trustedFor(
  { ca }: Pick<ReadyDocument, 'ca'>,
  { tlsCertificate, issuerCa }: TrustArguments,
): Promise<string> {
  const own = await readFile(ca, 'utf8')
  const given = [
    await readPem(tlsCertificate, '--tls-certificate'),
    await readPem(issuerCa, '--issuer-ca'),
  ].filter((pem) => pem !== undefined)
  return given.length === 0 ? own : [own, ...given, ...getCACertificates('default')].join('\n')
}

/** Reads a file of PEM text that an option names. @throws PlatformError `certificate_unusable` */
export async function readPem(file: string | undefined, option: string): Promise<string | undefined> {
  if (file === undefined) return undefined
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new PlatformError(
      `Cannot read '${file}', as ${option} needs a readable PEM file: ${error.code ?? 'it cannot be read'}`,
      { code: 'certificate_unusable', hint: 'Correct the path, or the permissions of the file' },
    )
  })
}
