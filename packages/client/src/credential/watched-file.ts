import { ConfigurationError } from '../errors.ts'

// A secret, a token or a certificate chain with its key; more than this is some other file.
const SIZE_MAX_BYTES = 1024 * 1024

/**
 * Returns a function that gives what `parse` makes of the file's bytes: read at the first call, and again whenever the file
 * has changed since, so a credential that is replaced on the disk is used without a restart.
 *
 * @throws ConfigurationError from the returned function if the file cannot be read, and whatever `parse` throws.
 */
export function watchedFile<Parsed>(file: string, parse: (bytes: Buffer) => Parsed): () => Promise<Parsed> {
  let known: { readonly version: string; readonly parsed: Parsed } | undefined
  return async () => {
    const version = await versionOf(file)
    if (known?.version === version) return known.parsed
    const parsed = parse(await bytesOf(file))
    known = { version, parsed }
    return parsed
  }
}

async function versionOf(file: string): Promise<string> {
  try {
    const { stat } = await import('node:fs/promises')
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true })
    if (size > SIZE_MAX_BYTES) throw unreadable(file, `it is larger than ${SIZE_MAX_BYTES} bytes`)
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch (error) {
    throw error instanceof ConfigurationError ? error : unreadable(file, reasonOf(error))
  }
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    const { readFile } = await import('node:fs/promises')
    return await readFile(file)
  } catch (error) {
    throw unreadable(file, reasonOf(error))
  }
}

const reasonOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'

function unreadable(file: string, found: string): ConfigurationError {
  return new ConfigurationError(
    `Cannot read the credential file '${file}', as a small readable file is needed: ${found}`,
    {
      code: 'credential_file_unreadable',
      hint: 'Check the path, its permissions, and whether whatever writes the file is running',
    },
  )
}
