/** The files that were dropped or chosen: one, or those of a run's folder that are read. */
import type { Held } from "./messages";

const DEEPEST = 3;
const MOST = 5000;

/** What a report can be about, or tells of it; pictures of a run, and its logs for TensorBoard, are left out. */
function isRead(name: string): boolean {
  return /\.(pt|pth|json|ya?ml)$/i.test(name);
}

/** The files of an input for a file or for a folder. */
export function filesOf(files: File[]): Held[] {
  const held = files.map((data) => ({ name: data.webkitRelativePath || data.name, data }));
  const isFolder = held.some(({ name }) => name.includes("/"));
  const read = held.filter(({ name }) => isRead(name) && name.split("/").length <= DEEPEST);
  return isFolder && read.length ? read.slice(0, MOST) : held.slice(0, 1);
}

/** The name of the one file or folder that was dropped. */
export function nameOf(dropped: DataTransfer): string {
  return dropped.files[0]?.name ?? "";
}

/** The files of what was dropped. It is asked for at once: afterwards a browser forgets what was dropped. */
export async function filesIn(dropped: DataTransfer): Promise<Held[]> {
  const [data] = dropped.files;
  const entry = dropped.items[0]?.webkitGetAsEntry?.() ?? null;
  const found = entry?.isDirectory ? await below(entry as FileSystemDirectoryEntry, entry.name, 1) : [];
  return found.length ? found.slice(0, MOST) : data ? [{ name: data.name, data }] : [];
}

async function below(folder: FileSystemDirectoryEntry, path: string, depth: number): Promise<Held[]> {
  const found: Held[] = [];
  for (const entry of await entriesOf(folder)) {
    const name = `${path}/${entry.name}`;
    if (entry.isDirectory && depth + 1 < DEEPEST) found.push(...(await below(entry as FileSystemDirectoryEntry, name, depth + 1)));
    else if (entry.isFile && isRead(name)) found.push({ name, data: await fileOf(entry as FileSystemFileEntry) });
  }
  return found;
}

/** All entries of a folder, of which a browser gives a part at a time. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (part.length === 0 || found.length >= MOST) return found;
    found.push(...part);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((done, fail) => entry.file(done, fail));
}
