import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '@tomte/client'
import { JobError } from '../errors.ts'

/** What a service manager may hand over in files, and the variable that each one becomes. */
export const SERVICE_CREDENTIALS = {
  'certificate.pem': { variable: 'AZURE_CLIENT_CERTIFICATE_PATH', as: 'path' },
  'certificate-password': { variable: 'AZURE_CLIENT_CERTIFICATE_PASSWORD', as: 'content' },
  'client-secret': { variable: 'AZURE_CLIENT_SECRET', as: 'content' },
  'federated-token': { variable: 'AZURE_FEDERATED_TOKEN_FILE', as: 'path' },
  'database-url': { variable: 'TOMTE_DATABASE_URL', as: 'content' },
  'webhook-secret': { variable: 'TOMTE_WEBHOOK_SECRET', as: 'content' },
} as const satisfies Readonly<Record<string, { readonly variable: string; readonly as: 'path' | 'content' }>>

/** The name of a credential that a service manager hands over. */
export type ServiceCredential = keyof typeof SERVICE_CREDENTIALS

const CONTENT_MAX_BYTES = 65_536

/**
 * Adds to an environment what the service manager has put into `CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`):
 * the path of each file, or its content without the line end. What the environment says itself goes first.
 *
 * @throws JobError `credential_unreadable` if a file is there and cannot be read, is empty or longer than 64 KiB.
 * @example
 * ```ts
 * import { withServiceCredentials } from '@tomte/jobs/service'
 * const environment = await withServiceCredentials(process.env)
 * ```
 */
export async function withServiceCredentials(environment: Environment): Promise<Environment> {
  const folder = environment['CREDENTIALS_DIRECTORY']
  if (!folder) return environment
  const added: Record<string, string> = {}
  for (const [name, { variable, as }] of Object.entries(SERVICE_CREDENTIALS)) {
    if (environment[variable]) continue
    const file = join(folder, name)
    const size = await sizeOf(file)
    if (size === undefined) continue
    added[variable] = as === 'path' ? file : await contentOf(file, size)
  }
  return { ...environment, ...added }
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw unreadable(file, error instanceof Error ? error.message : String(error))
  }
}

async function contentOf(file: string, size: number): Promise<string> {
  if (size > CONTENT_MAX_BYTES) throw unreadable(file, `${size} bytes`)
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw unreadable(file, error.message)
  })
  const content = text.replace(/\r?\n$/, '')
  if (content === '') throw unreadable(file, 'an empty file')
  return content
}

function unreadable(file: string, found: string): JobError {
  return new JobError(
    `Cannot read the credential '${file}', as it must be a readable file of 1 to 65,536 bytes: found ${found}`,
    { code: 'credential_unreadable', hint: 'Check LoadCredential= in the unit and the file that it names' },
  )
}
