import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A signed token or assertion in its compact form: header and claims are JSON objects in base64url. */
const COMPACT_JWS = /eyJ[\w-]{8,}\.eyJ[\w-]{8,}/

/** Searches everything below a folder for private keys, tokens, assertions and the contents of the key files. */
export async function assertNoSecrets(folder: string, keyFiles: readonly string[]): Promise<void> {
  const pieces = (await Promise.all(keyFiles.map((file) => readFile(file, 'utf8')))).map(secretPiece)
  assert.ok(pieces.length >= 4)
  const files = (await filesBelow(folder)).filter((file) => !keyFiles.includes(file))
  assert.ok(files.length >= 3)
  for (const file of files) {
    // Bytes as characters: a database is searched like a text.
    const text = await readFile(file, 'latin1')
    assert.equal(text.includes('PRIVATE KEY'), false, `${file} holds a private key`)
    assert.equal(COMPACT_JWS.test(text), false, `${file} holds a token`)
    assert.equal(
      pieces.some((piece) => text.includes(piece)),
      false,
      `${file} holds a piece of a key file`,
    )
  }
}

/** A line out of the secret half of a key file, which no other file may hold. */
function secretPiece(text: string): string {
  const secret = /-----BEGIN PRIVATE KEY-----\r?\n([\s\S]+?)-----END/.exec(text)?.[1] ?? text
  const line = secret.split('\n').findLast((candidate) => candidate.trim().length >= 20)
  assert.ok(line, 'a key file must hold a secret')
  return line.trim()
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
