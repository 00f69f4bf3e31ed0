/** The page's own words in English and in Chinese. Reports have theirs from Python. */
const ENGLISH = {
  title: "yolo-probe in the browser",
  bar: "Ask yolo-probe",
  language: "Language",
  drop: "Drop a best.pt, a model YAML or a training log here",
  choose: "Choose a file",
  line: "Or a summary line, or the name of a network",
  example: "213 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs",
  imgsz: "Image size",
  ask: "Explain",
  privacy: "Nothing is uploaded: the file is read in this tab, and never executed. Once it is ready, this page cannot connect to anything.",
  loading: "Loading Python: 14 MB, once.",
  starting: "Starting Python.",
  ready: "Ready. No network is needed any more.",
  reading: (name: string) => `Reading ${name}.`,
  done: (name: string, seconds: string) => `${name}: answered in ${seconds} s.`,
  heading: "Why do the two lines of your training differ?",
  about:
    "YOLOv5 prints one summary line when training starts and another when best.pt is validated. yolo-probe explains each change of layers, parameters, gradients and FLOPs, in integers that add up. This page is the command itself, with the same figures.",
  try: "Without a file at hand",
  network: (name: string) => `the network ${name}`,
  printed: "a line of a log",
  licences: "Licences",
  lines: "What these lines say",
  refused: "No answer",
  unsafe: "Do not load this file",
  todo: "What to do",
  oneFile: (count: number) => `${count} files were dropped, expected one`,
  oneFileRemedy: "Drop one file.",
  nothing: "Nothing was asked: found an empty text, expected a summary line or the name of a network",
  nothingRemedy: "Paste a line of the log, or drop a file.",
  size: (found: string) => `Image size: found ${found}, expected whole pixels, 1 to 65536`,
  sizeRemedy: "640 is what YOLOv5 counts at.",
  notStarted: (why: string) => `Python did not start in this browser: ${why}`,
  notStartedRemedy: "Load the page again over http or https, in a browser of 2023 or later; or use the command.",
  unreadable: (name: string, why: string) => `${name}: the browser cannot read it: ${why}`,
  unreadableRemedy: "Drop a file, not a folder; if it has changed since, drop it again.",
  failed: (why: string) => `yolo-probe failed: ${why}`,
  failedRemedy: "This is a fault of yolo-probe. Please report it, with the last line of this message.",
};

export type Words = typeof ENGLISH;

const CHINESE: Words = {
  title: "浏览器里的 yolo-probe",
  bar: "向 yolo-probe 提问",
  language: "语言",
  drop: "把 best.pt、模型 YAML 或训练日志拖到这里",
  choose: "选择文件",
  line: "或者粘贴一行 summary，或输入网络的名字",
  example: ENGLISH.example,
  imgsz: "图像大小",
  ask: "解释",
  privacy: "不上传任何内容：文件只在这个标签页里读取，其中的代码绝不执行。就绪之后，这个页面不能连接任何地方。",
  loading: "正在加载 Python：14 MB，只需一次。",
  starting: "正在启动 Python。",
  ready: "就绪。之后不再需要网络。",
  reading: (name) => `正在读取 ${name}。`,
  done: (name, seconds) => `${name}：用时 ${seconds} 秒。`,
  heading: "训练的两行 summary 为什么不一样？",
  about:
    "YOLOv5 在训练开始时打印一行 summary，在验证 best.pt 时再打印一行。yolo-probe 用能加得起来的整数，解释 layers、parameters、gradients 和 FLOPs 的每一处变化。这个页面就是命令本身，数字完全相同。",
  try: "手边没有文件时",
  network: (name) => `网络 ${name}`,
  printed: "日志里的一行",
  licences: "许可证",
  lines: "这些行说明什么",
  refused: "没有答案",
  unsafe: "不要加载这个文件",
  todo: "怎么办",
  oneFile: (count) => `拖入了 ${count} 个文件，应为一个`,
  oneFileRemedy: "只拖入一个文件。",
  nothing: "没有提问：内容为空，应为一行 summary 或网络的名字",
  nothingRemedy: "粘贴日志里的一行，或拖入一个文件。",
  size: (found) => `图像大小：得到 ${found}，应为 1 到 65536 的整数像素`,
  sizeRemedy: "YOLOv5 按 640 计算。",
  notStarted: (why) => `Python 没能在这个浏览器里启动：${why}`,
  notStartedRemedy: "请通过 http 或 https 重新打开页面，并使用 2023 年以后的浏览器；或者使用命令行。",
  unreadable: (name, why) => `${name}：浏览器无法读取：${why}`,
  unreadableRemedy: "请拖入文件，而不是文件夹；如果文件已经改变，请重新拖入。",
  failed: (why) => `yolo-probe 出错：${why}`,
  failedRemedy: "这是 yolo-probe 的错误，请附上这条消息的最后一行报告给我们。",
};

export const LANGUAGES = { en: ENGLISH, zh: CHINESE } as const;
export type Language = keyof typeof LANGUAGES;

/** The language that the browser asks for. */
export function preferred(): Language {
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}
