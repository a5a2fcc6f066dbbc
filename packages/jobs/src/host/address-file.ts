import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Where a running daemon is reached, and the word that lets a person on this machine decide on its runs. */
export interface DaemonAddress {
  readonly origin: string
  readonly token: string
  readonly pid: number
}

const FILE = 'daemon.json'
const FILE_MAX_CHARACTERS = 2_000

/** A word of 256 random bits. */
export const newToken = (): string => randomBytes(32).toString('base64url')

/** Writes the address into the data folder, readable by this account alone (0600), whole or not at all. */
export async function writeAddress(dataFolder: string, address: DaemonAddress): Promise<void> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 })
  const temporary = join(dataFolder, `${FILE}.${address.pid}`)
  await rm(temporary, { force: true })
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(address)}\n`)
  } finally {
    await file.close()
  }
  await rename(temporary, join(dataFolder, FILE))
}

/** Removes the address unless another daemon has put its own in its place. */
export async function removeAddress(dataFolder: string, { token }: DaemonAddress): Promise<void> {
  const known = await readAddress(dataFolder)
  if (known?.token === token) await rm(join(dataFolder, FILE), { force: true })
}

/** The address in a data folder; `undefined` if there is none that can be read. */
export async function readAddress(dataFolder: string): Promise<DaemonAddress | undefined> {
  try {
    const text = await readFile(join(dataFolder, FILE), 'utf8')
    if (text.length > FILE_MAX_CHARACTERS) return undefined
    const { origin, token, pid } = JSON.parse(text) as Partial<DaemonAddress>
    const usable =
      typeof origin === 'string' &&
      URL.canParse(origin) &&
      typeof token === 'string' &&
      typeof pid === 'number'
    return usable ? { origin, token, pid } : undefined
  } catch {
    return undefined
  }
}
