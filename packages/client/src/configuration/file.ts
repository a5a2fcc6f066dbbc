import { readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigurationError } from '../errors.ts'
import { jsonFault } from './json-fault.ts'

/** The names that are looked for in a folder. */
const FILE_NAMES = ['tomte.config.ts', 'tomte.config.json'] as const
const MODULES = new Set(['.ts', '.mts', '.js', '.mjs'])
// Some thousand lines; more than this is some other file.
const SIZE_MAX_BYTES = 256 * 1024

/** The configuration file of a folder, or `undefined` if there is none. @throws ConfigurationError if there are two. */
export async function configurationFileIn(folder: string): Promise<string | undefined> {
  const files = FILE_NAMES.map((name) => join(folder, name))
  const there = await Promise.all(files.map(isFile))
  const [first, second] = files.filter((_, index) => there[index])
  if (second === undefined) return first
  throw new ConfigurationError(
    `Cannot choose the configuration, as one file is needed: found ${FILE_NAMES.join(' and ')} in '${folder}'`,
    { code: 'configuration_ambiguous', hint: 'Remove one of the two, or name the one to take' },
  )
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw unreadable(file, codeOf(error) ?? 'unknown error', 'Check the permissions of the folder')
  }
}

/** What a configuration file holds, unchecked, and whether it is a module, which may hold more than data. */
export interface FileContents {
  readonly value: unknown
  readonly isModule: boolean
}

/**
 * Reads a configuration file: JSON of at most 256 KiB, or a module whose default export it is.
 *
 * @throws ConfigurationError if it cannot be read. What it says of a JSON file repeats nothing of its text.
 */
export async function readConfigurationFile(file: string): Promise<FileContents> {
  const extension = extname(file)
  if (MODULES.has(extension)) return { value: await importDefault(file), isModule: true }
  if (extension === '.json') return { value: parseJson(file, await textOf(file)), isModule: false }
  throw unreadable(
    file,
    extension === '' ? 'its name has no ending' : `its name ends with ${extension}`,
    `Name the file ${FILE_NAMES.join(' or ')}`,
  )
}

async function importDefault(file: string): Promise<unknown> {
  let loaded: { readonly default?: unknown }
  try {
    loaded = (await import(pathToFileURL(file).href)) as typeof loaded
  } catch (error) {
    const typed = codeOf(error) === 'ERR_UNKNOWN_FILE_EXTENSION'
    throw unreadable(
      file,
      error instanceof Error
        ? (error.message.split('\n', 1)[0] ?? '')
        : 'it threw something that is no error',
      typed
        ? 'Use a Node.js that runs TypeScript (22.18 or later), or a tomte.config.json'
        : 'Check the path, and run the file by itself with node to see where it fails',
    )
  }
  if (loaded.default !== undefined) return loaded.default
  throw unreadable(file, 'it has no default export', 'Write: export default defineConfig({ … })')
}

async function textOf(file: string): Promise<string> {
  const hint = 'Check the path and the permissions of the file'
  try {
    const { size } = await stat(file)
    if (size > SIZE_MAX_BYTES) throw unreadable(file, `it is larger than ${SIZE_MAX_BYTES} bytes`, hint)
    // A byte order mark is no part of the text.
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (error) {
    if (error instanceof ConfigurationError) throw error
    const code = codeOf(error)
    const found = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is no UTF-8 text' : code
    throw unreadable(file, found ?? 'unknown error', hint)
  }
}

function parseJson(file: string, text: string): unknown {
  const fault = jsonFault(text)
  if (fault === undefined) return JSON.parse(text)
  const { line, column, needed } = fault
  throw unreadable(
    file,
    `it is no JSON at line ${line}, column ${column}, where ${needed} must stand`,
    'JSON takes neither comments nor a comma after the last item; a tomte.config.ts takes both',
  )
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined

function unreadable(file: string, found: string, hint: string): ConfigurationError {
  return new ConfigurationError(
    `Cannot read the configuration in '${file}', as JSON or a module with a default export is needed: ${found}`,
    { code: 'configuration_unreadable', hint },
  )
}
