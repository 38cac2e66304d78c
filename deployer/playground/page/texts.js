// Words of the page, in English and Korean; numbers, sizes and times as each language writes them.

/** @type {Record<string, string>} */
const KOREAN = {
  "Skip to the content": "본문으로 건너뛰기", "Pages": "페이지", "Overview": "개요", "Talk": "대화", "Try": "시험", "Live": "실시간",
  "Reading the account…": "계정을 읽는 중…", "Not connected": "연결되지 않음", "Account not read": "계정을 읽지 못함", "The page cannot be shown.": "페이지를 표시할 수 없습니다.",
  "Try again": "다시 시도", "Name, model, function…": "이름, 모델, 함수…", "Assistants": "어시스턴트", "Filter": "필터", "Vector stores": "벡터 저장소",
  "The manifest cannot be read; what follows is as it was before.": "매니페스트를 읽을 수 없습니다. 아래는 이전 상태입니다.", "The account cannot be read.": "계정을 읽을 수 없습니다.",
  "The manifest declares none.": "매니페스트에 선언된 것이 없습니다.", "{0} notes about the manifest": "매니페스트 참고 사항 {0}건", "Look again": "다시 확인", "Looked again.": "다시 확인했습니다.",
  "Files on disk against the account": "디스크의 파일과 계정 비교", "Show the plan": "계획 보기", "and {0} more": "외 {0}건", "apply will refuse:": "적용이 거부됩니다:", "The plan": "계획", "Close": "닫기",
  "Model": "모델", "none": "없음", "shut down on {0}": "{0} 종료됨", "shuts down on {0}": "{0} 종료 예정", "Tools": "도구", "Knowledge": "지식", "Functions": "함수", "Last apply": "마지막 적용",
  "not from this machine": "이 컴퓨터에서 적용하지 않음", "Commit": "커밋", "Edited on the account": "계정에서 수정됨", "and in git": "git에서도 수정됨", "reading": "읽는 중", "live": "배포됨", "not live yet": "아직 배포되지 않음",
  "not in the manifest": "매니페스트에 없음", "drift": "드리프트", "Filter documents of {0}": "{0} 문서 필터", "Path…": "경로…", "{0} documents": "문서 {0}개", "Documents of {0}": "{0}의 문서", "Previous": "이전", "Next": "다음", "nothing": "없음",
  "Document": "문서", "Size": "크기", "State": "상태", "attached by others": "다른 곳에서 첨부함", "Foreign objects": "외부 객체",
  "They are on this account and not of this project: nothing here changes them.": "이 계정에 있지만 이 프로젝트의 것이 아닙니다. 여기서는 변경되지 않습니다.", "Name": "이름", "Kind": "종류", "Project": "프로젝트",
  "or write the output yourself": "또는 출력을 직접 작성", "The output of {0}": "{0}의 출력", "asks for an answer": "답변을 기다립니다", "Another output": "다른 출력", "Send the answer": "답변 보내기", "Say that it failed": "실패했다고 알리기",
  "the person did not answer": "사용자가 답하지 않았습니다", "Conversation": "대화 내용", "Write a message…": "메시지를 입력하세요…", "Attached files": "첨부 파일", "Files to attach": "첨부할 파일", "Attach (uploads to the account)": "첨부 (파일을 계정에 업로드)",
  "Send": "보내기", "Stop": "중지", "Message": "메시지", "To": "받는 이", "Conversations": "대화 목록", "New conversation": "새 대화", "{0} (not live yet)": "{0} (아직 배포되지 않음)", "Talk to what is deployed": "배포된 어시스턴트와 대화하기",
  "Choose an assistant and write. Functions that it calls become forms; what it cites can be opened.": "어시스턴트를 고르고 메시지를 쓰세요. 호출된 함수는 양식으로 나타나고, 인용한 문서는 열어 볼 수 있습니다.",
  "Nothing is live on this account yet: run deployer apply first.": "이 계정에는 아직 배포된 것이 없습니다. 먼저 deployer apply를 실행하세요.", "Empty conversation": "빈 대화", "Save as Markdown": "Markdown으로 저장", "Save as JSON": "JSON으로 저장", "Make a test…": "테스트 만들기…",
  "Message {0}": "메시지 {0}", "You": "나", "Edit and send again": "고쳐서 다시 보내기", "You change message {0}; a new thread goes on from there.": "메시지 {0}을(를) 고칩니다. 거기서부터 새 스레드로 이어집니다.", "Do not change it": "고치지 않기",
  "{0} is attached.": "{0} 첨부됨.", "Delete {0} from the account": "계정에서 {0} 삭제", "Write tests/{0}.yaml, and name it in {1}": "tests/{0}.yaml을 쓰고 {1}에 추가", "Written: {0}. deployer test runs it.": "저장했습니다: {0}. deployer test로 실행합니다.", "A test from this conversation": "이 대화로 만든 테스트",
  "What was answered here becomes what a model would say (rehearse:), so the test runs without one.": "여기서 나온 답이 모델이 할 말(rehearse:)이 되므로 모델 없이 테스트가 실행됩니다.", "The last answer must contain (one text a line)": "마지막 답변에 포함되어야 할 글 (한 줄에 하나)",
  "is answered by its handler…": "핸들러가 답하는 중…", "is answered here…": "여기서 답하는 중…", "{0} asks for an answer": "{0}: 답변을 기다립니다", "Stopped.": "중지했습니다.", "The turn ended as {0}.": "턴이 {0} 상태로 끝났습니다.", "was answered": "답변됨", "Open the source {0}": "출처 {0} 열기",
  "Sources": "출처", "Searched files": "파일 검색", "{0} passages": "구절 {0}개", "Ran code": "코드 실행", "An image that the code made": "코드가 만든 이미지", "The image cannot be read.": "이미지를 읽을 수 없습니다.", "Reading the document…": "문서를 읽는 중…",
  "Passages": "구절", "The whole document": "문서 전체", "What to look for": "찾을 내용", "Results": "검색 결과", "Search in a store": "저장소 검색", "Store": "저장소", "Query": "검색어", "Results at most": "최대 결과 수", "Least score": "최소 점수", "Add a filter": "필터 추가", "Search": "검색",
  "Attribute": "속성", "Comparison": "비교", "Value": "값", "Remove this filter": "이 필터 제거", "Searching…": "검색 중…", "{0} results": "결과 {0}개", "Score": "점수", "Result": "검사 결과", "Arguments against a schema": "스키마로 인수 검사", "Assistant": "어시스턴트", "Function": "함수",
  "Arguments (JSON)": "인수 (JSON)", "Check": "검사", "No assistant has functions.": "함수가 있는 어시스턴트가 없습니다.", "Its schema": "스키마", "These arguments fit the schema.": "이 인수는 스키마에 맞습니다.", "These arguments do not fit the schema:": "이 인수는 스키마에 맞지 않습니다:", "{0} notes about the schema itself": "스키마 자체에 대한 참고 사항 {0}건",
};
const LANGUAGES = [{ code: "en", name: "English" }, { code: "ko", name: "한국어" }];
const KEY = "deployer-language";

let chosen = LANGUAGES.find((one) => one.code === kept())?.code ?? (navigator.language.startsWith("ko") ? "ko" : "en");

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // a browser may forbid it
  }
}

export const languages = () => LANGUAGES;
export const language = () => chosen;

/** @param {string} code */
export function setLanguage(code) {
  chosen = code;
  try {
    localStorage.setItem(KEY, code);
  } catch {
    // then it is asked again next time
  }
}

/** A sentence in the language of the page; {0}, {1}… are filled in. @param {string} text @param {...string} values */
export function t(text, ...values) {
  const found = chosen === "ko" ? KOREAN[text] ?? text : text;
  return found.replace(/\{(\d)\}/g, (_whole, index) => values[Number(index)] ?? "");
}

/** @param {number} value */
export const count = (value) => value.toLocaleString(chosen);

/** @param {number} value */
export function bytes(value) {
  const units = ["B", "kB", "MB", "GB"];
  let index = 0;
  while (value >= 1000 && index < 3) { value /= 1000; index += 1; }
  return `${index && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[index]}`;
}

/** How long ago a time is. @param {string} time RFC 3339 */
export function ago(time) {
  const seconds = (Date.parse(time) - Date.now()) / 1000, format = new Intl.RelativeTimeFormat(chosen, { numeric: "auto" });
  /** @type {[Intl.RelativeTimeFormatUnit, number][]} */
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
  for (const [unit, size] of units) if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  return format.format(Math.round(seconds), "second");
}
