import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Names the machine as the packages that carry Node do: linux-x64, linux-arm64, win-x64. */
export const target = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`

export const say = (line) => process.stderr.write(`tomte: ${line}\n`)
