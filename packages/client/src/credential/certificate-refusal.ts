import { ConfigurationError } from '../errors.ts'

/** The error of a source that cannot sign; `found` completes the sentence "the source …" and quotes nothing of it. */
export function unusable(from: string, found: string): ConfigurationError {
  const needed = 'an RSA private key and the certificate that belongs to it are needed'
  return new ConfigurationError(
    `Cannot sign in with the certificate in ${from}, as ${needed}: the source ${found}`,
    {
      code: 'certificate_unusable',
      hint: 'Put the private key and its certificate into one PEM or PFX file and set AZURE_CLIENT_CERTIFICATE_PATH to it',
    },
  )
}
