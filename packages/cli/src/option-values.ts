import { InvalidArgumentError } from 'commander'

/** The name of an environment variable. */
export const VARIABLE = /^[A-Z_][A-Z0-9_]*$/

/** A password on a command line is shown to every user of the machine, so the address may be in the environment. */
export function databaseAddress(text: string): string {
  const address = VARIABLE.test(text) ? process.env[text] : text
  if (address) return address
  throw new InvalidArgumentError(`the environment variable ${text} must hold an address of PostgreSQL`)
}

/** @throws InvalidArgumentError, which is wrong usage. */
export function portNumber(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new InvalidArgumentError('a whole number from 0 to 65535 is needed')
}
