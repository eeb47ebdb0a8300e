@echo off
rem JBang, pinned, as ./jbang does it on other systems. It needs a JDK, 17 or newer.
rem Set JBANG_JAR to use a jar of your own, JBANG_DIR to keep JBang's files elsewhere than in .jbang of your profile.
rem Proven on no Windows yet: read only, and run by the workflow of this repository.
setlocal EnableExtensions DisableDelayedExpansion
set "version=0.132.1"
set "root=%~dp0"
if not defined JBANG_DIR set "JBANG_DIR=%USERPROFILE%\.jbang"

set "java="
if defined JAVA_HOME if exist "%JAVA_HOME%\bin\javac.exe" set "java=%JAVA_HOME%\bin\java.exe"
if not defined java for %%j in (javac.exe) do if not "%%~$PATH:j"=="" set "java=%%~dp$PATH:jjava.exe"
if not defined java goto nojdk
for /f "tokens=3" %%v in ('""%java%" -version 2^>^&1" ^| findstr /c:" version "') do set "major=%%~v"
for /f "delims=.-" %%v in ("%major%") do set "major=%%v"
if %major% LSS 17 goto nojdk

if not defined JBANG_JAR (
  set "jar=%JBANG_DIR%\wrapper\jbang-cli-%version%-all.jar"
) else (
  set "jar=%JBANG_JAR%"
)
if not exist "%jar%" (
  echo First run: fetching JBang %version%, once ... 1>&2
  "%java%" "%root%.jbang\FetchJBang.java" "%version%" "%jar%" 1>&2 || exit /b 1
)

rem The overview and the versions are the command fly's.
set "front="
if "%~1"=="" set "front=fly"
if "%~1"=="--help" set "front=fly"
if "%~1"=="--version" set "front=fly --version"
if defined front (
  call "%~f0" %front%
  exit /b
)

set "catalog="
if not "%~1"=="" (
  findstr /r /c:"\"%~1\": *{" "%root%jbang-catalog.json" >nul 2>&1 && set "catalog=%root%jbang-catalog.json"
  findstr /r /c:"\"%~1\": *{" "%root%.jbang\jbang-catalog.json" >nul 2>&1 && set "catalog=%root%.jbang\jbang-catalog.json"
)
set "run="
if defined catalog set run=run --catalog="%catalog%"

set "JBANG_RUNTIME_SHELL=cmd"
set "JBANG_LAUNCH_CMD=%~f0"
set "JBANG_STDIN_NOTTY=false"
set "FLY_JBANG=%~0"
set "FLY_ROOT=%root%"
set "FLY_JBANG_VERSION=%version%"
if not exist "%JBANG_DIR%\wrapper" mkdir "%JBANG_DIR%\wrapper"
set "output=%JBANG_DIR%\wrapper\%RANDOM%%RANDOM%.txt"
"%java%" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -jar "%jar%" %run% %* >"%output%"
set "code=%ERRORLEVEL%"
if %code% EQU 255 goto execute
type "%output%"
del "%output%"
exit /b %code%

:execute
if not defined catalog goto checked
rem A library with another SHA-256 than in .jbang\jars.sha256 is not run.
"%java%" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "%root%.jbang\CheckJars.java" "%root%.jbang\jars.sha256" "%jar%" "%output%" 1>&2
if not "%ERRORLEVEL%"=="0" (
  del "%output%"
  exit /b 1
)
:checked
set "command="
for /f "usebackq delims=" %%l in ("%output%") do set "command=%%l"
del "%output%"
rem No endlocal before it: the command reads the variables above.
%command%
exit /b %ERRORLEVEL%

:nojdk
echo error: no JDK 17 or newer found 1>&2
echo   why: JAVA_HOME is "%JAVA_HOME%", and what is on the PATH is no newer JDK either 1>&2
echo   try: install a JDK, for example from https://adoptium.net, and set JAVA_HOME to its folder 1>&2
exit /b 1
