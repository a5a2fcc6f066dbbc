import { DatabaseSync } from 'node:sqlite'

/** Commits of one row each, synced to the disk, as fast as SQLite makes them: what any saved state costs at least. */
export class BareCommits {
  readonly #database: DatabaseSync
  #count = 0

  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    this.#database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;' +
        'create table state (id integer primary key, value text not null)',
    )
  }

  commit(times: number): void {
    const save = this.#database.prepare(
      'insert into state (id, value) values (1, ?) on conflict (id) do update set value = excluded.value',
    )
    for (let index = 0; index < times; index += 1) save.run(`{"line":${(this.#count += 1)}}`)
  }

  close(): void {
    this.#database.close()
  }
}
