/** `U__my_2e_label` stands for a name that is no plain identifier; an underscore in it is doubled. */
export function unescapedName(name: string): string {
  if (!name.startsWith("U__")) return name;
  const escaped = /^(?:[^_]|__|_[0-9a-fA-F]{1,6}_)*$/;
  const rest = name.slice(3);
  if (!escaped.test(rest)) return name;
  return rest.replace(/__|_([0-9a-fA-F]{1,6})_/g, (found, code: string | undefined) => {
    if (code === undefined) return "_";
    const point = Number.parseInt(code, 16);
    const isCharacter = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    return isCharacter ? String.fromCodePoint(point) : found;
  });
}
