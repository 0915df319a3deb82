/** Something that `pt` keeps on this machine, beside the runs. */
export interface Kept {
  /** What people name it by; several may have one name. */
  name: string;
  path: string;
  /** What it is for, and what it costs to have it again. */
  what: string;
  /** Free once it is gone. */
  bytes: number;
  /** Bytes of files in it that have names elsewhere too, as those that uv keeps in its own cache: they stay on the disk. */
  shared: number;
  /** Why it stays whatever is asked; null: it may go. */
  stays: string | null;
}
